package main

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// refusedAs is how bad input must be answered: the code, the ErrorInfo reason and, for a
// field, the beginning of the path that BadRequest names.
type refusedAs struct {
	code   codes.Code
	reason string
	field  string
}

func (want refusedAs) check(t *testing.T, what string, s *status.Status) {
	t.Helper()
	var info *errdetails.ErrorInfo
	var fields []string
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, v.GetField())
				if v.GetDescription() == "" {
					t.Errorf("%s: the violation of %q has no description", what, v.GetField())
				}
			}
		}
	}
	if s.Code() != want.code || info.GetReason() != want.reason || info.GetDomain() != "muniment" {
		t.Errorf("%s: %v %v %q, want %v %s", what, s.Code(), info, s.Message(), want.code, want.reason)
	}
	found := want.field == ""
	for _, f := range fields {
		found = found || f == want.field || strings.HasPrefix(f, want.field+".") || strings.HasPrefix(f, want.field+"[")
	}
	if !found {
		t.Errorf("%s: BadRequest names %q, want %q (%s)", what, fields, want.field, s.Message())
	}
	if s.Message() == "" || len(s.Message()) > 500 {
		t.Errorf("%s: a message of %d bytes: %.200q", what, len(s.Message()), s.Message())
	}
}

// rawCodec sends bytes as they are and receives messages as usual.
type rawCodec struct{}

func (rawCodec) Name() string { return grpcproto.Name }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.(*rawMessage)
	if !ok {
		return nil, fmt.Errorf("not raw: %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*b)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2(grpcproto.Name).Unmarshal(data, v)
}

// rawMessage is an encoded message that need not be a valid one.
type rawMessage []byte

func encoded(t *testing.T, m proto.Message) rawMessage {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// field encodes a field of bytes.
func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// everyone is a policy that admits every end user.
func everyone() *pb.Policy { return allow("everyone") }

func allow(principals ...string) *pb.Policy {
	return &pb.Policy{Layers: []*pb.Layer{{Allow: grants(principals...)}}}
}

func grants(principals ...string) (list []*pb.Grant) {
	for _, p := range principals {
		list = append(list, &pb.Grant{Principal: p})
	}
	return list
}

// page is a document of the source "bad" that everyone may read, changed by each edit.
func page(id string, edits ...func(*pb.Document)) *pb.Document {
	d := &pb.Document{Source: "bad", Id: id, Version: 1, Text: "Nothing of " + id + " must ever be stored.", Policy: everyone()}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

func documentItem(d *pb.Document) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: d}}
}
