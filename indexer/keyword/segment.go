package keyword

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	api "github.com/blevesearch/scorch_segment_api/v2"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// columns hold for each document number of a segment its row and its length in terms.
// They are immutable: a segment never changes, and a merge makes a new one. So they also
// serve to tell segments apart, which ids do not do over a Reset.
type columns struct {
	rows    []catalog.Row
	lengths []uint32
	spans   []span // by window
}

// span is where the rows of a window lie: numbers of chunks. A batch's rows follow one
// another, so that is in one or two of them.
type span struct{ first, last uint32 }

func spansOf(rows []catalog.Row) []span {
	var spans []span
	for window := range slices.Chunk(rows, windowDocs) {
		spans = append(spans, span{
			uint32(slices.Min(window) / indexer.ChunkRows), uint32(slices.Max(window) / indexer.ChunkRows),
		})
	}
	return spans
}

// segment is one scorch segment as a snapshot sees it.
type segment struct {
	*columns
	id      uint64
	data    api.Segment
	deleted *roaring.Bitmap // nil if nothing is
}

// segments returns the segments of a snapshot. The columns of those that are new are
// read; the others are taken from the cache, which is then what this snapshot needs.
func (x *Index) segments(snapshot *scorch.IndexSnapshot) ([]segment, error) {
	x.columnsMu.Lock()
	defer x.columnsMu.Unlock()
	cache := make(map[uint64]*columns, len(snapshot.Segments()))
	var list []segment
	for _, s := range snapshot.Segments() {
		c, ok := x.columns[s.Id()]
		if !ok {
			var err error
			if c, err = readColumns(s.Segment()); err != nil {
				return nil, fmt.Errorf("segment %x: %w", s.Id(), err)
			}
		}
		cache[s.Id()] = c
		list = append(list, segment{columns: c, id: s.Id(), data: s.Segment(), deleted: s.Deleted()})
	}
	x.columns = cache
	newest := make(map[*columns]bool, len(cache))
	for _, c := range cache {
		newest[c] = true
	}
	x.terms.keep(newest)
	return list, nil
}

// readColumns turns the columns field's postings around: from the documents of each value
// to the value of each document.
func readColumns(s api.Segment) (*columns, error) {
	n := s.Count()
	c := &columns{rows: make([]catalog.Row, n), lengths: make([]uint32, n)}
	dictionary, err := s.Dictionary(columnsField)
	if err != nil {
		return nil, err
	}
	var list api.PostingsList
	var postings api.PostingsIterator
	highs, lows, lengths := uint64(0), uint64(0), uint64(0)
	terms := dictionary.AutomatonIterator(nil, nil, nil)
	for entry, err := terms.Next(); entry != nil || err != nil; entry, err = terms.Next() {
		if err != nil {
			return nil, err
		}
		if len(entry.Term) != 5 {
			return nil, fmt.Errorf("%w: a column's value of %d bytes", ErrDamaged, len(entry.Term))
		}
		column, value := entry.Term[0], binary.BigEndian.Uint32([]byte(entry.Term[1:]))
		if list, err = dictionary.PostingsList([]byte(entry.Term), nil, list); err != nil {
			return nil, err
		}
		postings = list.Iterator(false, false, false, postings)
		for p, err := postings.Next(); p != nil || err != nil; p, err = postings.Next() {
			if err != nil {
				return nil, err
			}
			if p.Number() >= n {
				return nil, fmt.Errorf("%w: document %d of %d", ErrDamaged, p.Number(), n)
			}
			switch column {
			case rowHigh:
				c.rows[p.Number()] |= catalog.Row(value << rowBits)
				highs++
			case rowLow:
				c.rows[p.Number()] |= catalog.Row(value)
				lows++
			case length:
				c.lengths[p.Number()] = value
				lengths++
			}
		}
	}
	if highs != n || lows != n || lengths != n {
		return nil, fmt.Errorf("%w: columns of %d, %d and %d values for %d passages", ErrDamaged, highs, lows, lengths, n)
	}
	c.spans = spansOf(c.rows)
	return c, nil
}

// live collects the rows of the segments that are not deleted.
func live(segments []segment) *roaring.Bitmap {
	rows := roaring.New()
	for _, s := range segments {
		for doc, row := range s.rows {
			if s.deleted == nil || !s.deleted.Contains(uint32(doc)) {
				rows.Add(uint32(row))
			}
		}
	}
	return rows
}
