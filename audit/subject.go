package audit

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
)

// Subject is something that records are about: what they can be found by. It is comparable;
// the zero Subject is of no record.
type Subject struct {
	aspect aspect
	a, b   string
}

// aspect says what about a record the Subject is.
type aspect byte

const (
	ofID aspect = 1 + iota
	ofDocument
	ofUser
	ofApp
	ofKind
	ofRetrieval
	ofCaller
	ofRequest
)

// WithID is the one record of that id.
func WithID(id string) Subject { return Subject{aspect: ofID, a: id} }

// ByCaller is the records of what an application did for a user.
func ByCaller(user, app string) Subject { return Subject{ofCaller, user, app} }

// OfRequest is the record of the answer that a caller reported under that request id.
func OfRequest(user, app, id string) Subject { return Subject{ofRequest, user + "\x00" + app, id} }

// OfDocument is the records in which a document was returned, read, cited or changed.
func OfDocument(source, id string) Subject { return Subject{ofDocument, source, id} }

// ByUser is the records of what was done for a user, a principal.
func ByUser(user string) Subject { return Subject{aspect: ofUser, a: user} }

// ByApp is the records of what an application, a principal, did.
func ByApp(app string) Subject { return Subject{aspect: ofApp, a: app} }

// OfKind is the records of a kind.
func OfKind(k Kind) Subject { return Subject{aspect: ofKind, a: string(k)} }

// OfRetrieval is the records of answers that were made from the retrieval of that id.
func OfRetrieval(id string) Subject { return Subject{aspect: ofRetrieval, a: id} }

// subjects are all that the record is about, each once.
func (r *Record) subjects() []Subject {
	list := []Subject{WithID(r.ID), OfKind(r.Kind)}
	if r.User != "" {
		list = append(list, ByUser(r.User))
	}
	if r.App != "" {
		list = append(list, ByApp(r.App))
	}
	if r.User != "" && r.App != "" {
		list = append(list, ByCaller(r.User, r.App))
	}
	if r.Answer != nil {
		list = append(list, r.answers()...)
	}
	known := len(list)
	document := func(source, id string) {
		if s := OfDocument(source, id); !slices.Contains(list[known:], s) {
			list = append(list, s)
		}
	}
	if r.Retrieval != nil {
		for _, s := range r.Retrieval.Sources {
			document(s.Source, s.ID)
		}
	}
	if r.Answer != nil {
		for _, c := range r.Answer.Citations {
			if c.Resolved() {
				document(c.Source, c.ID)
			}
		}
	}
	if r.Read != nil && r.Read.Source != "" {
		document(r.Read.Source, r.Read.ID)
	}
	if r.Change != nil && r.Change.Source != "" {
		document(r.Change.Source, r.Change.ID)
	}
	return list
}

// answers are the retrievals that an answer was made from, each once, and the request it came by.
func (r *Record) answers() (list []Subject) {
	for _, id := range r.Answer.Retrievals {
		if s := OfRetrieval(id); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	if r.Answer.Request != "" {
		list = append(list, OfRequest(r.User, r.App, r.Answer.Request))
	}
	return list
}

// About reports whether the record is about the subject.
func (r *Record) About(s Subject) bool { return slices.Contains(r.subjects(), s) }

// hash is what the register knows of the subject. Two subjects may share it, so what is found
// by it is compared with the record itself.
func (s Subject) hash() uint64 {
	h := fnv.New64a()
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], uint32(len(s.a)))
	h.Write([]byte{byte(s.aspect)})
	h.Write(n[:])
	h.Write([]byte(s.a))
	h.Write([]byte(s.b))
	return h.Sum64()
}

// hashes are those of all that the record is about; none if it is erased.
func (r *Record) hashes() []uint64 {
	if r.ID == "" {
		return nil
	}
	subjects := r.subjects()
	list := make([]uint64, len(subjects))
	for i, s := range subjects {
		list[i] = s.hash()
	}
	return list
}
