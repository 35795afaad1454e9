package keyword

import (
	"testing"

	"github.com/muniment/muniment/indexer"
)

// After a merge the columns of the new segment are there before a reader is opened, and
// the postings of common terms that were asked for before a search is made.
func TestMergedSegmentsArePrepared(t *testing.T) {
	l := newLibrary(t, 200)
	for range 12 {
		l.step(t, 1500, 0, 0)
	}
	r := l.reader(t)
	if _, err := r.Search(t.Context(), visible(t, l.table, reads(1000)), indexer.Query{Text: "w0 w1"}, 10); err != nil {
		t.Fatal(err)
	}
	l.merge(t)
	l.index.preparations.Wait()
	known := map[uint64]*columns{}
	for id, c := range l.index.columns {
		known[id] = c
	}
	merged := 0
	for _, s := range l.reader(t).segments {
		old := false
		for _, before := range r.segments {
			old = old || before.columns == s.columns
		}
		if old {
			continue
		}
		if merged++; known[s.id] != s.columns {
			t.Error("the columns of a merged segment were not read in advance")
		}
		if l.index.terms.terms[termKey{s.columns, "w0"}] == nil {
			t.Error("a common term of a merged segment was not decoded in advance")
		}
	}
	if merged == 0 {
		t.Error("nothing was merged")
	}
}
