package vector

import (
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/indextest"
)

var suite = indextest.Suite{
	Open:    func(t testing.TB, dir string) indexer.Index { return open(t, dir) },
	Measure: indextest.Cosine,
	Merge: func(t testing.TB, x indexer.Index) {
		t.Helper()
		if err := x.(*Index).Compact(t.Context()); err != nil {
			t.Fatalf("compacting: %v", err)
		}
	},
}

func open(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(dir, catalog.ID{1}, indextest.Logger())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestHiddenDocumentsDoNotExist(t *testing.T) { indextest.HiddenDocumentsDoNotExist(t, suite) }

// TestHiddenDocumentsDoNotExistInSketches has searches look at so few candidates that the
// small corpora of the suite do not fit among them, and that ties are cut.
func TestHiddenDocumentsDoNotExistInSketches(t *testing.T) {
	few := suite
	few.Open = func(t testing.TB, dir string) indexer.Index {
		x := open(t, dir)
		x.few = 2
		return x
	}
	indextest.HiddenDocumentsDoNotExist(t, few)
}

func TestIndex(t *testing.T) { indextest.Run(t, suite) }
