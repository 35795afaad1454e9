package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mayDiffer are the only fields in which two servers that hold the same visible documents
// may differ.
var mayDiffer = []protoreflect.Name{
	"receipt", "request_id", "retrieval_id", "consistency_token", "served_at", "next_page_token", "synced", "acl_synced", "age_days", "ratio",
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

// call makes one call and returns all that its caller can tell of it: the message but for
// what may differ, or the whole error, and the metadata around it.
func (s *server) call(ctx context.Context, method string, req, resp proto.Message) string {
	s.t.Helper()
	var header, trailer metadata.MD
	err := s.conn.Invoke(ctx, method, req, resp, grpc.Header(&header), grpc.Trailer(&trailer))
	delete(trailer, "grpc-status-details-bin") // compared as part of the error
	var answer proto.Message = status.Convert(err).Proto()
	if err == nil {
		answer = proto.Clone(resp)
		blank(answer.ProtoReflect())
	}
	wire, marshalErr := proto.MarshalOptions{Deterministic: true}.Marshal(answer)
	if marshalErr != nil {
		s.t.Fatal(marshalErr)
	}
	var text strings.Builder
	if err := printJSON(&text, answer); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%s%d bytes, %x\nmetadata %v %v\n", method, text.String(), len(wire), sha256.Sum256(wire), header, trailer)
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
