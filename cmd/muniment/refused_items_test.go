package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// badItem is one item that must be refused.
type badItem struct {
	name string
	item rawMessage
	want refusedAs
}

// badItems are the ways to send something wrong, one case each. Documents among them carry
// the name of their case as their id.
func badItems(t *testing.T) []badItem {
	invalid := func(reason, field string) refusedAs { return refusedAs{codes.InvalidArgument, reason, field} }
	var list []badItem
	add := func(name string, want refusedAs, item rawMessage) { list = append(list, badItem{name, item, want}) }
	edit := func(name string, want refusedAs, change func(*pb.Document)) {
		add(name, want, encoded(t, documentItem(page(name, change))))
	}
	other := func(name string, want refusedAs, item *pb.IngestRequest) { add(name, want, encoded(t, item)) }
	// raw appends encoded fields to the document of the case.
	raw := func(name string, extra []byte) rawMessage { return field(3, append(encoded(t, page(name)), extra...)) }
	long := func(n int) string { return strings.Repeat("x", n) }
	vector := func(space string, v ...float32) func(*pb.Document) {
		return func(d *pb.Document) {
			d.VectorSpace, d.Passages = space, []*pb.SuppliedPassage{{Text: "a passage", Vector: v}}
		}
	}

	add("invalid UTF-8 in the text", invalid("MALFORMED", "document.text"), raw("invalid UTF-8 in the text", field(7, []byte("a\xff\xfeb"))))
	add("invalid UTF-8 in the id", invalid("MALFORMED", "document.id"), field(3, append(field(1, []byte("bad")), field(2, []byte("\xc3\x28"))...)))
	add("invalid UTF-8 in a label", invalid("MALFORMED", "document.labels"), raw("invalid UTF-8 in a label", field(19, append(field(1, []byte("k")), field(2, []byte("\xff"))...))))
	add("invalid UTF-8 in a grant", invalid("MALFORMED", "document.policy"), raw("invalid UTF-8 in a grant", field(10, field(1, field(1, field(1, []byte("user:local/\xff")))))))
	edit("NUL in the text", invalid("MALFORMED", "document.text"), func(d *pb.Document) { d.Text = "a\x00b" })
	edit("NUL in the title", invalid("MALFORMED", "document.title"), func(d *pb.Document) { d.Title = "\x00" })
	edit("NUL in a label", invalid("MALFORMED", "document.labels"), func(d *pb.Document) { d.Labels = map[string]string{"k": "\x00"} })
	edit("NUL in a grant", invalid("MALFORMED", "document.policy.layers[0].deny[0].principal"), func(d *pb.Document) { d.Policy.Layers[0].Deny = grants("user:local/\x00") })
	edit("an empty id", invalid("INVALID_FIELD", "document.id"), func(d *pb.Document) { d.Id = "" })
	edit("an empty source", invalid("INVALID_FIELD", "document.source"), func(d *pb.Document) { d.Source = "" })
	edit("a long id", invalid("INVALID_FIELD", "document.id"), func(d *pb.Document) { d.Id = long(1025) })
	edit("a long title", invalid("INVALID_FIELD", "document.title"), func(d *pb.Document) { d.Title = long(4097) })
	edit("17 MiB of text", invalid("INVALID_FIELD", "document.text"), func(d *pb.Document) { d.Text = long(17 << 20) })
	edit("a negative version", invalid("INVALID_FIELD", "document.version"), func(d *pb.Document) { d.Version = -1 })
	edit("an unknown mime", invalid("UNSUPPORTED_MIME", "document.mime"), func(d *pb.Document) { d.Mime = "application/pdf" })
	edit("an owner that is nobody", invalid("INVALID_PRINCIPAL", "document.owner"), func(d *pb.Document) { d.Owner = "ada" })
	edit("an unknown sensitivity", invalid("UNKNOWN_SENSITIVITY", "document.sensitivity"), func(d *pb.Document) { d.Sensitivity = new("top-secret") })
	edit("300 labels", invalid("INVALID_FIELD", "document.labels"), func(d *pb.Document) {
		d.Labels = map[string]string{}
		for i := range 300 {
			d.Labels[fmt.Sprint(i)] = "v"
		}
	})

	edit("NaN in a vector", invalid("VECTOR_NOT_FINITE", "document.passages[0].vector"), vector("brought/4", 1, float32(math.NaN()), 0, 0))
	edit("infinity in a vector", invalid("VECTOR_NOT_FINITE", "document.passages[0].vector"), vector("brought/4", 1, float32(math.Inf(-1)), 0, 0))
	edit("a vector of nothing", invalid("VECTOR_NOT_FINITE", "document.passages[0].vector"), vector("brought/4", 0, 0, 0, 0))
	edit("a short vector", invalid("VECTOR_SIZE", "document.passages[0].vector"), vector("brought/4", 1, 0, 0))
	edit("an unknown vector space", invalid("UNKNOWN_VECTOR_SPACE", "document.vector_space"), vector("elsewhere/4", 1, 0, 0, 0))
	edit("a vector without a space", invalid("UNKNOWN_VECTOR_SPACE", "document.vector_space"), vector("", 1, 0, 0, 0))
	edit("a space without a vector", invalid("MISSING_VECTOR", "document.vector_space"), vector("brought/4"))
	edit("one vector for two passages", invalid("VECTOR_SIZE", "document.passages[1].vector"), func(d *pb.Document) {
		vector("brought/4", 1, 0, 0, 0)(d)
		d.Passages = append(d.Passages, &pb.SuppliedPassage{Text: "another"})
	})
	edit("10,001 passages", invalid("INVALID_FIELD", "document.passages"), func(d *pb.Document) {
		for range 10_001 {
			d.Passages = append(d.Passages, &pb.SuppliedPassage{Text: "p"})
		}
	})

	edit("17 layers", invalid("INVALID_FIELD", "document.policy.layers"), func(d *pb.Document) {
		for range 16 {
			d.Policy.Layers = append(d.Policy.Layers, d.Policy.Layers[0])
		}
	})
	edit("10,001 grants", invalid("INVALID_FIELD", "document.policy.layers[0].allow"), func(d *pb.Document) {
		d.Policy = allow(strings.Split(strings.Repeat("group:g ", 10_000)+"group:g", " ")...)
	})
	edit("10,001 grants in two layers", invalid("INVALID_POLICY", "document.policy"), func(d *pb.Document) {
		d.Policy.Layers = append(d.Policy.Layers, allow(strings.Split(strings.Repeat("group:g ", 9_999)+"group:g", " ")...).GetLayers()...)
	})
	edit("a grant for nobody", invalid("INVALID_POLICY", "document.policy"), func(d *pb.Document) { d.Policy = allow("everybody") })
	edit("an unknown inherit mode", invalid("INVALID_FIELD", "document.policy.inherit"), func(d *pb.Document) { d.Policy.Inherit = 9 })
	edit("a time that is none", invalid("MALFORMED", "document.modified"), func(d *pb.Document) { d.Modified = &timestamppb.Timestamp{Seconds: 1 << 50} })
	edit("a grant that ends at no time", invalid("MALFORMED", "document.policy.layers[0].allow[0].not_after"), func(d *pb.Document) {
		d.Policy.Layers[0].Allow[0].NotAfter = &timestamppb.Timestamp{Seconds: -1 << 50}
	})
	edit("a grant that ends at the zero time of Go", invalid("MALFORMED", "document.policy.layers[0].allow[0].not_after"), func(d *pb.Document) {
		d.Policy.Layers[0].Allow[0].NotAfter = timestamppb.New(time.Time{}) // not the same as no end
	})
	edit("a review interval that is none", invalid("INVALID_FIELD", "document.review_interval"), func(d *pb.Document) { d.ReviewInterval = &durationpb.Duration{Seconds: -5} })
	edit("an endless review interval", invalid("MALFORMED", "document.review_interval"), func(d *pb.Document) { d.ReviewInterval = &durationpb.Duration{Seconds: 1 << 60} })

	add("an unknown field", invalid("MALFORMED", "document.99"), raw("an unknown field", field(99, []byte("deny mallory"))))
	add("an unknown field of a policy", invalid("MALFORMED", "document.policy"), raw("an unknown field of a policy", field(10, field(77, []byte("deny")))))
	add("an unknown kind of item", invalid("MALFORMED", "77"), field(77, []byte("x")))
	add("bytes that are no message", invalid("MALFORMED", ""), bytes.Repeat([]byte{0xff}, 40))
	add("half a message", invalid("MALFORMED", ""), encoded(t, documentItem(page("half a message")))[:30])
	add("a field of the wrong type", invalid("MALFORMED", ""), raw("a field of the wrong type", protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.VarintType), 5)))
	add("nothing", invalid("INVALID_FIELD", "item"), rawMessage{})

	other("a group without a name", invalid("INVALID_PRINCIPAL", "group.name"), line(t, `{"group": {"name": "group:"}}`))
	other("a group that is a user", invalid("INVALID_FIELD", "group.name"), line(t, `{"group": {"name": "user:local/ada"}}`))
	other("everyone in a group", invalid("INVALID_PRINCIPAL", "group.members[1]"), line(t, `{"group": {"name": "group:all", "members": ["user:local/ada", "everyone"]}}`))
	other("a container in itself", invalid("CONTAINER_CYCLE", "container.parent"), line(t, `{"container": {"source": "bad", "id": "c", "parent": "c"}}`))
	other("access of no document", invalid("INVALID_FIELD", "access.id"), line(t, `{"access": {"source": "bad"}}`))
	other("deletion of a negative version", invalid("INVALID_FIELD", "delete.version"), line(t, `{"delete": {"source": "bad", "id": "x", "version": -1}}`))
	other("an older version", refusedAs{codes.FailedPrecondition, "VERSION_STALE", "document.version"}, line(t, `{"document": {"source": "good", "id": "0", "version": 1, "text": "older"}}`))
	other("a reused version", refusedAs{codes.FailedPrecondition, "VERSION_REUSED", "document.version"}, line(t, `{"document": {"source": "good", "id": "0", "version": 2, "text": "other"}}`))
	return list
}
