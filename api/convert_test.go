package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
)

// No policy, a policy without layers and a layer without grants are three different things.
func TestAbsentIsNotEmpty(t *testing.T) {
	for name, tc := range map[string]struct {
		in   *pb.Policy
		want *acl.Policy
	}{
		"absent":       {nil, nil},
		"no layers":    {&pb.Policy{}, &acl.Policy{}},
		"empty layer":  {&pb.Policy{Layers: []*pb.Layer{{}}}, &acl.Policy{Layers: []acl.Layer{{}}}},
		"nothing said": {&pb.Policy{Inherit: pb.Inherit_INHERIT_UNSPECIFIED}, &acl.Policy{Inherit: acl.Restrict}},
		"restrict":     {&pb.Policy{Inherit: pb.Inherit_INHERIT_RESTRICT}, &acl.Policy{Inherit: acl.Restrict}},
		"extend":       {&pb.Policy{Inherit: pb.Inherit_INHERIT_EXTEND}, &acl.Policy{Inherit: acl.Extend}},
		"replace":      {&pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE}, &acl.Policy{Inherit: acl.Replace}},
		"grants": {
			&pb.Policy{Layers: []*pb.Layer{{
				Allow: []*pb.Grant{{Principal: "everyone", NotBefore: &timestamppb.Timestamp{Seconds: 1, Nanos: 2}}},
				Deny:  []*pb.Grant{{Principal: "user:local/eve", NotAfter: &timestamppb.Timestamp{}}},
			}}},
			&acl.Policy{Layers: []acl.Layer{{
				Allow: []acl.Grant{{Principal: acl.Everyone, NotBefore: time.Unix(1, 2).UTC()}},
				Deny:  []acl.Grant{{Principal: "user:local/eve", NotAfter: time.Unix(0, 0).UTC()}},
			}}},
		},
	} {
		if diff := cmp.Diff(tc.want, toPolicy(tc.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Absent and the zero time are one, and every other instant comes through whole, 1970 too.
func TestTimes(t *testing.T) {
	if got := toTime(nil); !got.IsZero() {
		t.Errorf("absent is %v", got)
	}
	if got := fromTime(time.Time{}); got != nil {
		t.Errorf("the zero time is %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62135596799, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC()
		if got := toTime(fromTime(at)); !got.Equal(at) || got.IsZero() {
			t.Fatalf("%v became %v", at, got)
		}
	})
	if got := fromTime(time.Unix(0, 0)); got == nil || got.GetSeconds() != 0 {
		t.Errorf("1970 is %v", got)
	}
}

// Every field of an item reaches its mutation, and what is absent stays absent.
func TestItemsBecomeMutations(t *testing.T) {
	at := time.Unix(1740830400, 5).UTC()
	folder, label := "pages/hr", "internal"
	policy := toPolicy(items()[1].GetContainer().GetPolicy())
	want := []catalog.Mutation{
		catalog.PutGroup{Group: "group:staff", Members: []acl.Principal{"user:local/ada", "group:crew"}},
		catalog.PutContainer{Container: catalog.Container{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: "pages/hr"}, Version: 3, Parent: "/", Policy: policy,
		}},
		catalog.PutDocument{
			Document: catalog.Document{
				DocumentID: catalog.DocumentID{Source: "handbook", ID: "leave.md"}, Version: 7, Title: "Leave", MIME: "text/markdown",
				URI: "https://pages.example/leave", Owner: "group:people", Modified: at,
				Verified: catalog.Verification{By: "user:local/ada", At: at}, ReviewInterval: time.Hour, ValidFrom: at,
				RetentionClass: "guidance", Supersedes: []catalog.DocumentID{{Source: "handbook", ID: "old.md"}}, Labels: map[string]string{"org": "example"},
			},
			Text:   "# Leave\n\nTwenty-eight days.",
			Access: catalog.AccessPatch{Version: 2, Policy: policy, Container: &folder, Sensitivity: &label},
		},
		catalog.PutDocument{
			Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: "vector.md"}, VectorSpace: "unit/2"},
			Passages: []catalog.Passage{{Text: "Twenty-eight days.", Headings: []string{"Leave"}, Vector: []float32{0.6, 0.8}}},
		},
		catalog.PutAccess{
			Document: catalog.DocumentID{Source: "handbook", ID: "leave.md"},
			Access:   catalog.AccessPatch{Version: 9, Policy: &acl.Policy{}, Container: new(string)},
		},
		catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "leave.md"}, Version: 8},
	}
	for i, item := range items() {
		if diff := cmp.Diff(want[i], toMutation(item)); diff != "" {
			t.Errorf("item %d (-want +got):\n%s", i, diff)
		}
	}
}

// Two passages have one citation only if they are one passage.
func TestCitationsAreInjective(t *testing.T) {
	name := rapid.StringOfN(rapid.SampledFrom([]rune(`ab/@#%:?2 é`)), 1, 6, -1)
	id := rapid.Custom(func(t *rapid.T) catalog.PassageID {
		return catalog.PassageID{
			Document: catalog.DocumentID{Source: name.Draw(t, "source"), ID: name.Draw(t, "id")},
			Version:  rapid.Int64Range(0, 30).Draw(t, "version"), Ordinal: rapid.IntRange(0, 30).Draw(t, "ordinal"),
		}
	})
	seen := map[string]catalog.PassageID{}
	rapid.Check(t, func(t *rapid.T) {
		p := id.Draw(t, "passage")
		c := p.Citation()
		if other, ok := seen[c]; ok && other != p {
			t.Fatalf("%+v and %+v are both cited as %q", other, p, c)
		}
		seen[c] = p
	})
	for a, b := range map[catalog.PassageID]catalog.PassageID{
		{Document: catalog.DocumentID{Source: "a/b", ID: "c"}}:              {Document: catalog.DocumentID{Source: "a", ID: "b/c"}},
		{Document: catalog.DocumentID{Source: "a", ID: "b@1"}, Version: 2}:  {Document: catalog.DocumentID{Source: "a", ID: "b"}, Version: 1},
		{Document: catalog.DocumentID{Source: "a", ID: "b%2F"}, Version: 2}: {Document: catalog.DocumentID{Source: "a", ID: "b/"}, Version: 2},
	} {
		if a.Citation() == b.Citation() {
			t.Errorf("%+v and %+v are both cited as %q", a, b, a.Citation())
		}
	}
}

// Every state, degradation and strength of evidence has a name of its own on the wire.
func TestEveryValueHasAName(t *testing.T) {
	distinct(t, states, len(pb.Freshness_State_name), freshness.Unknown, freshness.Fresh)
	distinct(t, evidences, len(pb.Evidence_name), retriever.None, retriever.Strong)
	distinct(t, degradations, len(pb.Degradation_name), retriever.KeywordOnly, retriever.CutOff)
	for s, name := range states {
		if name.String() != "STATE_"+s.String() {
			t.Errorf("%v is %v on the wire", s, name)
		}
	}
	for d, name := range degradations {
		if name.String() != "DEGRADATION_"+d.String() {
			t.Errorf("%v is %v on the wire", d, name)
		}
	}
}

// distinct demands that the values from first to last have different, specified names, and
// that no name but the unspecified one is left over.
func distinct[K ~uint8, V ~int32](t *testing.T, names map[K]V, all int, first, last K) {
	t.Helper()
	seen := map[V]bool{0: true}
	for k := first; k <= last; k++ {
		if v := names[k]; seen[v] {
			t.Errorf("%T %d is %d on the wire, as is another one", k, k, v)
		} else {
			seen[v] = true
		}
	}
	if len(seen) != all {
		t.Errorf("%d names on the wire, %d used", all, len(seen))
	}
}

// A conflict names both sides by their places; a declaration has no spans.
func TestConflicts(t *testing.T) {
	results := []retriever.Result{
		{Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "s", ID: "north"}}},
		{Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "s", ID: "south"}}},
	}
	north, south := &pb.DocumentRef{Source: "s", Id: "north"}, &pb.DocumentRef{Source: "s", Id: "south"}
	value := retriever.Conflict{Conflict: freshness.Conflict{
		A: 0, B: 1, Kind: "duration", ValueA: "14 days", ValueB: "30 days", SpanA: freshness.Span{Start: 1, End: 5}, SpanB: freshness.Span{Start: 2, End: 6},
		Confidence: 0.9, Preferred: 2, PreferredReason: "later", Explanation: "14 days / 30 days",
	}}
	want := &pb.Conflict{
		Kind: pb.Conflict_KIND_VALUE, Quantity: "duration", Confidence: 0.9, Explanation: "14 days / 30 days",
		A:         &pb.Conflict_Side{Result: 0, Document: north, Span: &pb.Span{Start: 1, End: 5}, Value: "14 days"},
		B:         &pb.Conflict_Side{Result: 1, Document: south, Span: &pb.Span{Start: 2, End: 6}, Value: "30 days"},
		Preferred: pb.Conflict_PREFERENCE_B, PreferredReason: "later",
	}
	if got := fromConflict(value, results); !proto.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
	declared := retriever.Conflict{Superseded: true, Conflict: freshness.Conflict{A: 1, B: 0, Confidence: 1, Preferred: 1}}
	want = &pb.Conflict{
		Kind: pb.Conflict_KIND_SUPERSEDED, Confidence: 1, Preferred: pb.Conflict_PREFERENCE_A,
		A: &pb.Conflict_Side{Result: 1, Document: south}, B: &pb.Conflict_Side{Result: 0, Document: north},
	}
	if got := fromConflict(declared, results); !proto.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
}
