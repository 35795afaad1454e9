package api

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/retriever"
)

// pageLife is how long the next page may be asked for.
const pageLife = 15 * time.Minute

// paged is a request for one page of an answer.
type paged interface {
	proto.Message
	GetPageToken() string
}

// pageBinding is what a page token is good for: the user, the app and the whole request
// but for the token itself. Rights are no part of it: they are checked anew.
func pageBinding(c call, req paged) ([]byte, error) {
	rest := proto.Clone(req).ProtoReflect()
	rest.Clear(rest.Descriptor().Fields().ByName("page_token"))
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(rest.Interface())
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(append([]byte(rest.Descriptor().FullName()+"\x00"), b...))
	return append(c.Binding(), hash[:]...), nil
}

// nextPage seals where the page after this one begins.
func (h *handler) nextPage(c call, req paged, place []byte) (string, error) {
	binding, err := pageBinding(c, req)
	if err != nil {
		return "", err
	}
	return h.Keys.Seal(identity.PurposePage, binding, place, h.Now().Add(pageLife))
}

// errPage is the one error of page tokens.
var errPage = fieldError{"page_token", identity.ErrSeal}

// place is where the page begins that the request asks for, nil for the first.
func (h *handler) place(c call, req paged) ([]byte, error) {
	if req.GetPageToken() == "" {
		return nil, nil
	}
	binding, err := pageBinding(c, req)
	if err != nil {
		return nil, err
	}
	place, err := h.Keys.Unseal(identity.PurposePage, binding, req.GetPageToken(), h.Now())
	if err != nil {
		return nil, errPage
	}
	return place, nil
}

// A place among passages is how many the pages before have shown. It says nothing of the
// state of the catalog: what a page shows, and whether another follows, depends on what the
// caller may read at its moment and on nothing that came before.

func fromOffset(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func toOffset(place []byte) (int, error) {
	switch {
	case place == nil:
		return 0, nil
	case len(place) != 4:
		return 0, errPage
	}
	n := int(binary.BigEndian.Uint32(place))
	if n >= retriever.MostResults {
		return 0, errPage
	}
	return n, nil
}

// A place among sources is after a name, of which the token has the hash, so that it is as
// long as any other.

func fromName(name string) []byte {
	hash := sha256.Sum256([]byte(name))
	return hash[:]
}
