package api

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func newHandler(t testing.TB) *handler {
	t.Helper()
	validator, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	return &handler{Server: Server{Log: slog.New(slog.DiscardHandler)}, validator: validator}
}

// violations are the fields that an error names, and its reason. Every error of validate
// is InvalidArgument, and the message begins with the first field.
func violations(t testing.TB, err error) (reason string, fields []string) {
	t.Helper()
	s, ok := status.FromError(err)
	if err == nil || !ok || s.Code() != codes.InvalidArgument {
		t.Errorf("not an InvalidArgument: %v", err)
		return "", nil
	}
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				fields = append(fields, v.GetField())
				if v.GetDescription() == "" {
					t.Errorf("%s: nothing said about it", v.GetField())
				}
			}
		}
	}
	if len(fields) == 0 || !strings.HasPrefix(s.Message(), fields[0]+": ") {
		t.Errorf("message %q, fields %q", s.Message(), fields)
	}
	return reason, fields
}

func unmarshal(t testing.TB, raw []byte, m proto.Message) {
	t.Helper()
	if err := (strictCodec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer(raw)}, m); err != nil {
		t.Fatalf("the codec fails the call instead of the item: %v", err)
	}
}

// NUL is refused wherever there is text, by the name of its field.
func TestNULIsRefusedEverywhere(t *testing.T) {
	h, seen := newHandler(t), 0
	for _, root := range requests {
		for _, p := range places(root) {
			for _, m := range p.texts("a\x00b") {
				seen++
				reason, fields := violations(t, h.validate(m))
				want := p.path
				if p.field.IsList() {
					want += "[1]"
				}
				if reason != "MALFORMED" || len(fields) != 1 || fields[0] != want {
					t.Errorf("NUL in %s of %T: %s %q", want, root, reason, fields)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d fields hold text", seen)
	}
}

// Text that is not UTF-8 reaches validate, which names its field: gRPC alone would end the
// call.
func TestInvalidUTF8IsRefusedEverywhere(t *testing.T) {
	h, seen := newHandler(t), 0
	const mark = "MARK-OF-TEXT"
	for _, root := range requests {
		for _, p := range places(root) {
			for _, m := range p.texts(mark) {
				seen++
				raw, err := proto.Marshal(m)
				if err != nil || bytes.Count(raw, []byte(mark)) != 1 {
					t.Fatalf("%s: %v, %q", p.path, err, raw)
				}
				received := root.ProtoReflect().New().Interface()
				unmarshal(t, bytes.Replace(raw, []byte(mark), []byte("MARK\xff\xfeTEXT\xc3("), 1), received)
				reason, fields := violations(t, h.validate(received))
				want := indexless(p.path)
				if reason != "MALFORMED" || len(fields) != 1 || fields[0] != want && !(p.field.IsMap() && strings.HasPrefix(fields[0], want+".")) {
					t.Errorf("invalid UTF-8 in %s of %T: %s %q", want, root, reason, fields)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d fields hold text", seen)
	}
}

// A field that this version does not know may be a deny of a later one: it is refused at
// every level.
func TestUnknownFieldsAreRefusedEverywhere(t *testing.T) {
	h := newHandler(t)
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 9999, protowire.VarintType), 1)
	for _, root := range requests {
		levels := map[string]func() (root, holder protoreflect.Message){}
		for _, p := range places(root) {
			prefix := strings.TrimSuffix(strings.TrimSuffix(p.path, string(p.field.Name())), ".")
			if at := p.field.ContainingMessage().FullName(); !strings.HasPrefix(string(at), "google.protobuf.") {
				levels[prefix] = p.make
			}
		}
		for prefix, build := range levels {
			m, holder := build()
			holder.SetUnknown(unknown)
			raw, err := proto.Marshal(m.Interface())
			if err != nil {
				t.Fatal(err)
			}
			received := root.ProtoReflect().New().Interface()
			unmarshal(t, raw, received)
			reason, fields := violations(t, h.validate(received))
			if want := strings.TrimPrefix(prefix+".9999", "."); reason != "MALFORMED" || len(fields) != 1 || fields[0] != want {
				t.Errorf("unknown field %s of %T: %s %q", want, root, reason, fields)
			}
		}
	}
}

// Times and durations that do not exist are refused by the name of their field.
func TestImpossibleTimesAreRefusedEverywhere(t *testing.T) {
	h, seen := newHandler(t), 0
	for _, root := range requests {
		for _, p := range places(root) {
			for _, value := range impossible {
				m, ok := p.with(value)
				if !ok {
					continue
				}
				seen++
				if _, fields := violations(t, h.validate(m)); !slices.Contains(fields, p.path) {
					t.Errorf("%v in %s: %q", value, p.path, fields)
				}
			}
			if m, ok := p.with(&timestamppb.Timestamp{Seconds: -62135596800, Nanos: 1}); ok {
				if err := h.validate(m); err != nil && strings.Contains(err.Error(), p.path+": ") {
					t.Errorf("the second instant of year 1 in %s is refused", p.path)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d cases", seen)
	}
}

// What the contract's rules refuse is named field by field, all of them at once.
func TestRulesNameEveryField(t *testing.T) {
	h := newHandler(t)
	_, fields := violations(t, h.validate(&pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{Version: -1}}}))
	for _, want := range []string{"document.source", "document.id", "document.version"} {
		if !strings.Contains(strings.Join(fields, " "), want) {
			t.Errorf("%s is not among %q", want, fields)
		}
	}
	if reason, fields := violations(t, h.validate(&pb.IngestRequest{})); reason != "INVALID_FIELD" || len(fields) != 1 || fields[0] != "item" {
		t.Errorf("no item at all: %s %q", reason, fields)
	}
}
