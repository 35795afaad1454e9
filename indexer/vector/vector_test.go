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

func TestIndex(t *testing.T) { indextest.Run(t, suite) }
