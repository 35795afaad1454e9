package indexer

import (
	"crypto/sha256"
	"maps"
	"math/bits"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Visible is a caller's view resolved to the rows it admits at one revision. Only a Table
// makes one, from an acl.View. It is immutable. The nil *Visible admits nothing.
type Visible struct {
	table *Table
	*resolution
}

// resolution is what a Visible knows beside its table. A later table of the same lineage
// derives its own from it and does again only what has changed since.
type resolution struct {
	key        [sha256.Size]byte // names view and filter, whatever the revision
	generation uint64            // the table's
	of         *resolution       // what a filter narrowed to this; nil without a filter
	decisions  []decided         // by governance; none with a filter
	within     acl.Decision      // Admitted is unused: the interval in which chunks and kept hold
	judged     acl.Decision      // the same of the instant that documents are judged at
	chunks     []*Chunk
	kept       []*Chunk // the rows that would be in view if nothing were withheld; nil = no others
	count      int
}

// ChunkRows is how many rows a Chunk tells of.
const ChunkRows = 4096

// Chunk is a view's part in ChunkRows rows, one bit each: the n-th of them is bit n%64 of
// word n/64.
type Chunk [ChunkRows / 64]uint64

// Key names the view and the filter that v was made from, whatever the revision. It serves
// to find what was derived from an earlier revision's; it is not a digest of the rows.
func (v *Visible) Key() [sha256.Size]byte {
	if v == nil {
		return [sha256.Size]byte{}
	}
	return v.key
}

// Chunks is the view as bitmaps: row r is in chunk r/ChunkRows, which is nil if no row of
// it is in view. They must not be changed. Where two revisions' have one pointer, the same
// rows are in view; where pointers differ, they need not.
func (v *Visible) Chunks() []*Chunk {
	if v == nil {
		return nil
	}
	return v.chunks
}

// Has reports whether the row is in view.
func (v *Visible) Has(row catalog.Row) bool {
	return v != nil && has(v.chunks, row)
}

func has(chunks []*Chunk, row catalog.Row) bool {
	i := int(row / ChunkRows)
	return i < len(chunks) && chunks[i] != nil && chunks[i][row%ChunkRows/64]>>(row%64)&1 == 1
}

// Len is the number of rows in view: the N of BM25.
func (v *Visible) Len() int {
	if v == nil {
		return 0
	}
	return v.count
}

// Compare orders two rows in view by passage id, the tie-break of every ranking.
func (v *Visible) Compare(a, b catalog.Row) int {
	if a == b {
		return 0
	}
	return v.table.ID(a).Compare(v.table.ID(b))
}

// ID is the passage in a row of the view, the zero PassageID for a row outside it.
func (v *Visible) ID(row catalog.Row) catalog.PassageID {
	if !v.Has(row) {
		return catalog.PassageID{}
	}
	return v.table.ID(row)
}

// Withheld names the sources, in order, of which the view shows nothing because their
// permissions are older than their bound, and of which it would show something otherwise.
func (v *Visible) Withheld() (sources []string) {
	if v == nil {
		return nil
	}
	named := map[string]bool{}
	for row := range rows(v.kept) {
		named[v.table.cell(row).entry.Source] = true
	}
	return slices.Sorted(maps.Keys(named))
}

// Sources names the sources of which the view that v was narrowed from shows anything or would,
// were they not withheld.
func (v *Visible) Sources() (sources []string) {
	if v == nil {
		return nil
	}
	r := v.resolution
	for r.of != nil {
		r = r.of
	}
	named := map[string]bool{}
	for i, d := range r.decisions {
		if d != (decided{}) && v.table.uses[i] > 0 {
			named[v.table.governances[i].source] = true
		}
	}
	return slices.Sorted(maps.Keys(named))
}

// rows yields the rows in the chunks, in order.
func rows(chunks []*Chunk) func(yield func(catalog.Row) bool) {
	return func(yield func(catalog.Row) bool) {
		for i, c := range chunks {
			if c == nil {
				continue
			}
			for j, w := range c {
				for ; w != 0; w &= w - 1 {
					if !yield(catalog.Row(i*ChunkRows + j*64 + bits.TrailingZeros64(w))) {
						return
					}
				}
			}
		}
	}
}

// Waiting reports whether a document in view waits for its vectors: it is found by its
// words alone.
func (v *Visible) Waiting() bool {
	if v == nil || v.table.waiting == 0 {
		return false
	}
	for i, c := range v.chunks {
		if c == nil {
			continue
		}
		for j, waiting := range v.table.cells[i].waiting {
			if waiting&c[j] != 0 {
				return true
			}
		}
	}
	return false
}
