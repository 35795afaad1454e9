package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// mayDiffer are the only fields in which two servers that hold the same visible documents
// may differ.
var mayDiffer = []protoreflect.Name{
	"receipt", "request_id", "retrieval_id", "consistency_token", "served_at", "next_page_token", "synced", "acl_synced", "age_days", "ratio",
}

// TestMaskIsTheContracts holds that list against the sentence of the contract that names
// the exempt fields. The one more is that of consistency tokens, which other messages call
// opaque; no response of a read has it.
func TestMaskIsTheContracts(t *testing.T) {
	text, err := os.ReadFile("../../proto/muniment/v1/retrieval.proto")
	if err != nil {
		t.Fatal(err)
	}
	sentence := regexp.MustCompile(`Only ([a-z_, \n/]+) may differ`).FindSubmatch(text)
	if sentence == nil {
		t.Fatal("the contract does not say which fields may differ")
	}
	named := []protoreflect.Name{"consistency_token"}
	for _, word := range regexp.MustCompile(`[a-z_]+`).FindAllString(string(sentence[1]), -1) {
		if !slices.Contains([]string{"and", "inside", "the", "results"}, word) {
			named = append(named, protoreflect.Name(word))
		}
	}
	slices.Sort(named)
	if masked := slices.Sorted(slices.Values(mayDiffer)); !slices.Equal(named, masked) {
		t.Errorf("the contract exempts %v, the tests %v", named, masked)
	}
	exempting := []protoreflect.FullName{
		"muniment.v1.IngestionService.Ingest", "muniment.v1.SourceService.CommitSync",
		"muniment.v1.RetrievalService.Retrieve", "muniment.v1.SourceService.ListSources",
		"muniment.v1.RetrievalService.ListRetrievals", "muniment.v1.AuditService.ListRecords", "muniment.v1.AuditService.TraceDocument",
		"muniment.v1.StewardshipService.VerifyDocument", "muniment.v1.StewardshipService.ResolveConflict",
		"muniment.v1.StewardshipService.ListWork", "muniment.v1.StewardshipService.ListConflicts",
	}
	for name, m := range contract(t) {
		for _, field := range []protoreflect.Name{"consistency_token", "next_page_token"} {
			if m.Output().Fields().ByName(field) != nil && !slices.Contains(exempting, name) {
				t.Errorf("%s answers with %s: the contract has to exempt it by name", name, field)
			}
		}
	}
}

// blank takes the content of those fields away, below m too. What remains of a text is its
// length and of a time its presence, for they must not differ either.
func blank(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		masked := slices.Contains(mayDiffer, f.Name())
		switch {
		case masked && f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(strings.Repeat("*", len(v.String()))))
		case masked && f.Kind() == protoreflect.MessageKind:
			m.Set(f, m.NewField(f))
		case masked:
			m.Clear(f)
		case f.IsMap() || f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				blank(v.List().Get(i).Message())
			}
		default:
			blank(v.Message())
		}
		return true
	})
}

// heard is all that a caller can tell of a call, without what may differ.
type heard struct {
	what     string
	message  proto.Message // the response or the whole error
	wire     string        // the message, encoded, and those of the pages that follow
	metadata string
	next     *heard // the page that follows
}

// mostPages is how many pages of an answer are listened to.
const mostPages = 4

// followed is what is heard of the page after the response, nil if it names none.
func (s *server) followed(ctx context.Context, method string, req, resp proto.Message, pages int) *heard {
	field := resp.ProtoReflect().Descriptor().Fields().ByName("next_page_token")
	if field == nil || pages == mostPages {
		return nil
	}
	token := resp.ProtoReflect().Get(field)
	if token.String() == "" {
		return nil
	}
	again := proto.Clone(req)
	again.ProtoReflect().Set(again.ProtoReflect().Descriptor().Fields().ByName("page_token"), token)
	h := s.page(ctx, method, again, resp.ProtoReflect().New().Interface(), pages+1)
	h.what = fmt.Sprint("page ", pages+1, " of ", h.what)
	return &h
}

// call makes one call and returns what its caller hears, on the pages that follow too.
func (s *server) call(ctx context.Context, method string, req, resp proto.Message) heard {
	s.t.Helper()
	return s.page(ctx, method, req, resp, 1)
}

func (s *server) page(ctx context.Context, method string, req, resp proto.Message, pages int) heard {
	s.t.Helper()
	var header, trailer metadata.MD
	err := s.conn.Invoke(ctx, method, req, resp, grpc.Header(&header), grpc.Trailer(&trailer))
	delete(trailer, "grpc-status-details-bin") // compared as part of the error
	h := heard{what: fmt.Sprint(method, " ", req), message: resp, metadata: fmt.Sprint(status.Code(err), header, trailer)}
	if err != nil {
		h.message = status.Convert(err).Proto()
	} else {
		h.next = s.followed(ctx, method, req, resp, pages)
		blank(resp.ProtoReflect())
	}
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(h.message)
	if err != nil {
		s.t.Fatal(err)
	}
	h.wire = string(wire)
	if h.next != nil {
		h.wire, h.metadata = h.wire+h.next.wire, h.metadata+h.next.metadata
	}
	return h
}

// is reports whether two calls sound the same, down to the byte.
func (h heard) is(other heard) bool { return h.wire == other.wire && h.metadata == other.metadata }

// degraded reports whether the answer says that something could not be done as usual.
func (h heard) degraded() bool {
	resp, ok := h.message.(*pb.RetrieveResponse)
	return ok && len(resp.GetDegradations()) > 0
}

// mustBe fails the test with where two answers part.
func (h heard) mustBe(t *testing.T, want heard, what string) {
	t.Helper()
	if h.is(want) {
		return
	}
	a, b := want.text(t), h.text(t)
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(0, i-200)
	t.Fatalf("%s\n%s\n%d and %d bytes differ at %d:\n%.600s\n--- and ---\n%.600s", what, h.what, len(want.wire), len(h.wire), i, a[from:], b[from:])
}

func (h heard) text(t *testing.T) string {
	var text strings.Builder
	if err := printJSON(&text, h.message); err != nil {
		t.Fatal(err)
	}
	if h.next != nil {
		text.WriteString(h.next.text(t))
	}
	return text.String() + h.metadata
}

// TestDemoMasksWhatTheContractNames keeps the demo's list, which it prints, equal to the
// contract's.
func TestDemoMasksWhatTheContractNames(t *testing.T) {
	var names []string
	for _, n := range mayDiffer {
		names = append(names, string(n))
	}
	if !slices.Equal(names, maskedFields) {
		t.Errorf("the demo masks %v, the contract names %v", maskedFields, names)
	}
}
