package retriever_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/retriever"
)

func dated(id string, modified time.Time, supersedes ...string) catalog.PutDocument {
	p := page(id, "Ferry", "The ferry leaves from pier "+id+".", acl.Everyone)
	p.Document.Modified = modified
	for _, old := range supersedes {
		p.Document.Supersedes = append(p.Document.Supersedes, catalog.DocumentID{Source: "handbook", ID: old})
	}
	return p
}

// The order of an answer: by score, superseded ones at half of it, and newer first among
// those within 3 % of the best of them.
func TestOrder(t *testing.T) {
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	for name, tc := range map[string]struct {
		documents []catalog.PutDocument
		scores    map[string][]float64
		want      []string
	}{
		"by score": {
			[]catalog.PutDocument{dated("a", day(-1)), dated("b", day(-9)), dated("c", day(-5))},
			map[string][]float64{"a": {5}, "b": {10}, "c": {7}}, []string{"b", "c", "a"},
		},
		"equal scores and dates by passage id": {
			[]catalog.PutDocument{dated("c", day(-1)), dated("a", day(-1)), dated("b", day(-1))},
			map[string][]float64{"a": {10}, "b": {10}, "c": {10}}, []string{"a", "b", "c"},
		},
		"newer first within 3 %": {
			[]catalog.PutDocument{dated("old", day(-9)), dated("new", day(-2)), dated("newest", day(-1))},
			map[string][]float64{"old": {100}, "new": {98}, "newest": {97}}, []string{"newest", "new", "old"},
		},
		"the best of a tie decides how far it goes": {
			[]catalog.PutDocument{dated("old", day(-9)), dated("new", day(-2)), dated("newest", day(-1))},
			map[string][]float64{"old": {100}, "new": {98}, "newest": {96}}, []string{"new", "old", "newest"},
		},
		"less than a second is not newer": {
			[]catalog.PutDocument{dated("better", day(-1)), dated("worse", day(-1).Add(900*time.Millisecond))},
			map[string][]float64{"better": {100}, "worse": {99}}, []string{"better", "worse"},
		},
		"no date is oldest": {
			[]catalog.PutDocument{dated("unknown", time.Time{}), dated("known", day(-900))},
			map[string][]float64{"unknown": {100}, "known": {99}}, []string{"known", "unknown"},
		},
		"superseded counts half": {
			[]catalog.PutDocument{dated("old", day(-9)), dated("new", day(-2), "old"), dated("other", day(-5))},
			map[string][]float64{"old": {100}, "new": {60}, "other": {40}}, []string{"new", "old", "other"},
		},
		"superseded by a deleted one counts whole": {
			[]catalog.PutDocument{dated("old", day(-9)), dated("gone", day(-2), "old"), dated("other", day(-5))},
			map[string][]float64{"old": {100}, "other": {60}}, []string{"old", "other"},
		},
		"only declarations of the same source count": {
			[]catalog.PutDocument{dated("old", day(-9)), foreign(dated("rival", day(-2), "old"))},
			map[string][]float64{"old": {100}, "rival": {60}}, []string{"old", "rival"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			for _, put := range tc.documents {
				d.send(t, put)
			}
			d.send(t, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "gone"}, Version: 1})
			d.words(d.scored(t, tc.scores))
			if diff := cmp.Diff(tc.want, ids(d.ask(t, ada, retriever.Request{Query: "ferry"}))); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func foreign(p catalog.PutDocument) catalog.PutDocument {
	p.Document.Source = "wiki"
	return p
}

// chapters is a document of n passages.
func chapters(id string, n int) catalog.PutDocument {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "# Chapter %d\n\nThe ferry at pier %d.\n\n", i, i)
	}
	return page(id, "Chapters", text.String(), acl.Everyone)
}

func repeat(score float64, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = score
	}
	return list
}

// At most two passages of one document are shown, the best of it.
func TestTwoPassagesOfOneDocument(t *testing.T) {
	d := newDesk(t)
	d.send(t, chapters("long.md", 5), dated("short.md", now))
	d.words(d.scored(t, map[string][]float64{"long.md": {5, 40, 60, 50, 55}, "short.md": {10}}))
	a := d.ask(t, ada, retriever.Request{Query: "ferry"})
	var got []string
	for _, r := range a.Results {
		got = append(got, fmt.Sprintf("%s#%d", r.Document.ID, r.Passage.ID.Ordinal))
	}
	if diff := cmp.Diff([]string{"long.md#2", "long.md#4", "short.md#0"}, got); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
	if n := len(d.ask(t, ada, retriever.Request{Query: "ferry", Limit: 1}).Results); n != 1 {
		t.Errorf("%d results with limit 1", n)
	}
}

// One long document cannot push all others out of the answer.
func TestLongDocumentLeavesRoom(t *testing.T) {
	d := newDesk(t)
	d.send(t, chapters("long.md", 150))
	scores := map[string][]float64{"long.md": repeat(100, 150)}
	for i := range 9 {
		id := fmt.Sprintf("short-%d.md", i)
		d.send(t, dated(id, now))
		scores[id] = []float64{50}
	}
	d.words(d.scored(t, scores))
	if n := len(d.ask(t, ada, retriever.Request{Query: "ferry"}).Results); n != 10 {
		t.Errorf("%d results with limit 10, want two of the long document and eight others", n)
	}
}

// What comes first does not depend on how many are asked for, also where more passages tie
// than are looked at for the first of them.
func TestTiesAreWhole(t *testing.T) {
	d := newDesk(t)
	scores := map[string][]float64{}
	for i := range 12 {
		id := fmt.Sprintf("%02d", i)
		d.send(t, dated(id, now.AddDate(0, 0, i-20)))
		scores[id] = []float64{100 - float64(i)/4} // each newer than the one before, all a tie
	}
	d.words(d.scored(t, scores))
	want := ids(d.ask(t, ada, retriever.Request{Query: "ferry", Limit: 12}))
	if len(want) != 12 || want[0] != "11" {
		t.Fatalf("all in order: %v", want)
	}
	for limit := 1; limit < 12; limit++ {
		if diff := cmp.Diff(want[:limit], ids(d.ask(t, ada, retriever.Request{Query: "ferry", Limit: limit}))); diff != "" {
			t.Errorf("the first %d (-of all +alone):\n%s", limit, diff)
		}
	}
}
