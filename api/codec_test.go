package api

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// items is one valid item of each kind, with all that an item can have.
func items() []*pb.IngestRequest {
	at := &timestamppb.Timestamp{Seconds: 1740830400, Nanos: 5}
	folder, label := "pages/hr", "internal"
	policy := &pb.Policy{
		Layers:  []*pb.Layer{{Allow: []*pb.Grant{{Principal: "everyone", NotBefore: at}}, Deny: []*pb.Grant{{Principal: "user:local/eve", NotAfter: at}}}},
		Inherit: pb.Inherit_INHERIT_EXTEND,
	}
	return []*pb.IngestRequest{
		{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:staff", Members: []string{"user:local/ada", "group:crew"}}}},
		{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "handbook", Id: "pages/hr", Version: 3, Parent: "/", Policy: policy}}},
		{Item: &pb.IngestRequest_Document{Document: &pb.Document{
			Source: "handbook", Id: "leave.md", Version: 7, Title: "Leave", Mime: "text/markdown", Uri: "https://pages.example/leave",
			Text: "# Leave\n\nTwenty-eight days.", Owner: "group:people", Container: &folder, Policy: policy, Modified: at,
			Verified: &pb.Verification{By: "user:local/ada", At: at}, ReviewInterval: durationpb.New(3600e9), ValidFrom: at,
			RetentionClass: "guidance", Sensitivity: &label, Supersedes: []*pb.DocumentRef{{Source: "handbook", Id: "old.md"}},
			Labels: map[string]string{"org": "example"}, AccessVersion: 2,
		}}},
		{Item: &pb.IngestRequest_Document{Document: &pb.Document{
			Source: "handbook", Id: "vector.md", VectorSpace: "unit/2",
			Passages: []*pb.SuppliedPassage{{Text: "Twenty-eight days.", Headings: []string{"Leave"}, Vector: []float32{0.6, 0.8}}},
		}}},
		{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{Source: "handbook", Id: "leave.md", AccessVersion: 9, Policy: &pb.Policy{}, Container: new(string)}}},
		{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: "handbook", Id: "leave.md", Version: 8}}},
	}
}

// Messages that are well formed come through the codec as they went in, and are valid.
func TestCodecRoundTrip(t *testing.T) {
	h := newHandler(t)
	for _, m := range items() {
		sent, err := (strictCodec{}).Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		received := &pb.IngestRequest{}
		unmarshal(t, sent.Materialize(), received)
		if !proto.Equal(m, received) {
			t.Errorf("sent %v, received %v", m, received)
		}
		if err := h.validate(received); err != nil {
			t.Errorf("%v: %v", m, err)
		}
	}
	if name := (strictCodec{}).Name(); name != "proto" {
		t.Errorf("the codec is called %q", name)
	}
	if err := (strictCodec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer("x")}, "no message"); err == nil {
		t.Error("a string was taken for a message")
	}
}

// Bytes that are no message are kept, so that validate can refuse them; nothing of them is
// taken for content.
func TestBytesThatAreNoMessage(t *testing.T) {
	h := newHandler(t)
	for _, raw := range [][]byte{
		{0xff}, {0x1a, 0xff}, {0x1a, 0x05, 0x0a, 0x03, 'a'}, {0x00}, []byte("{\"document\": {}}"),
		append([]byte{0x1a, 0x02, 0x18, 0x01}, 0x0b), // a valid document, then a group that never ends
	} {
		m := &pb.IngestRequest{Item: items()[0].Item} // as if it had been used before
		unmarshal(t, raw, m)
		if m.GetItem() != nil {
			t.Errorf("%x left an item: %v", raw, m.GetItem())
		}
		if reason, _ := violations(t, h.validate(m)); reason != "MALFORMED" {
			t.Errorf("%x is refused as %s", raw, reason)
		}
	}
}

// FuzzIngestRequest: whatever arrives as an item is refused with InvalidArgument and the
// name of a field, or is valid, and then it can be converted and prepared, or is refused
// with a reason.
func FuzzIngestRequest(f *testing.F) {
	for _, m := range items() {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(raw[:len(raw)/2])
		f.Add(append(raw, 0xff, 0xfe))
		f.Add(append(raw, raw...)) // the last item of two counts
	}
	f.Add([]byte{})
	h := newHandler(f)
	x := &indexer.Indexer{Config: indexer.Config{
		Embedder: zero{}, Space: indexer.Space{ID: "zero/1", Dimensions: 1}, Spaces: []indexer.Space{{ID: "unit/2", Dimensions: 2}}, Scale: acl.DefaultScale,
	}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		req := &pb.IngestRequest{}
		unmarshal(t, raw, req)
		if err := h.validate(req); err != nil {
			violations(t, err)
			return
		}
		if _, err := proto.Marshal(req); err != nil {
			t.Fatalf("valid, but cannot be encoded: %v", err)
		}
		if req.GetItem() == nil {
			t.Fatal("valid without an item")
		}
		if _, err := x.Prepare(t.Context(), toMutation(req)); err != nil {
			if _, ok := errors.AsType[*indexer.Refusal](err); !ok {
				t.Fatalf("valid, but cannot be prepared: %v", err)
			}
		}
	})
}

// zero is an Embedder that finds nothing to embed.
type zero struct{}

func (zero) Embed(_ context.Context, texts []string) ([][]float32, error) {
	return make([][]float32, len(texts)), nil
}
