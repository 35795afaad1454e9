package keyword

import (
	"testing"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/indextest"
)

var suite = indextest.Suite{
	Open:    func(t testing.TB, dir string) indexer.Index { return open(t, dir) },
	Measure: indextest.BM25,
	Merge: func(t testing.TB, x indexer.Index) {
		t.Helper()
		if err := x.(*Index).store.scorch.(*scorch.Scorch).ForceMerge(t.Context(), nil); err != nil {
			t.Fatalf("merging: %v", err)
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
