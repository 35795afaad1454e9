package indexer

import (
	"hash/maphash"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// Which documents stand at one address. Two of them may be versions of one document.
//
// A map from addresses to lists of ids is the simple version, and takes more than a hundred
// bytes a document, nearly all for lists of one. So an address is kept as a hash and a document
// as its first row, from which its cell leads to it; only where several stand at one address is
// there a list. Some systems give all their documents one address: then the list is long, is
// copied once for a change of the table, however many documents change, and is searched by
// halving.

// placeOf is the hash of an address. Different addresses may have one: whoever asks must compare.
func placeOf(uri string) uint64 { return maphash.String(shardSeed, uri) | 1 }

// at yields the documents at the address, and perhaps others.
func (t *Table) at(place uint64) func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		first, ok := t.places.get(place)
		if !ok || !yield(t.cell(first).entry) {
			return
		}
		crowd, _ := t.crowds.get(place)
		for _, row := range crowd {
			if !yield(t.cell(row).entry) {
				return
			}
		}
	}
}

// settle adds the document to those at its address.
func (e *tableEdit) settle(d *entry) {
	if d.place == 0 {
		return
	}
	if _, taken := e.places.get(d.place); !taken {
		e.places.set(d.place, d.rows.First)
		return
	}
	crowd := e.crowd(d.place)
	i, _ := slices.BinarySearch(crowd, d.rows.First)
	e.crowds.set(d.place, slices.Insert(crowd, i, d.rows.First))
}

// leave takes the document away from its address.
func (e *tableEdit) leave(d *entry) {
	if d.place == 0 {
		return
	}
	crowd := e.crowd(d.place)
	switch first, _ := e.places.get(d.place); {
	case first != d.rows.First:
		if i, ok := slices.BinarySearch(crowd, d.rows.First); ok {
			crowd = slices.Delete(crowd, i, i+1)
		}
	case len(crowd) == 0:
		e.places.delete(d.place)
	default:
		e.places.set(d.place, crowd[0])
		crowd = crowd[1:]
	}
	if len(crowd) > 0 {
		e.crowds.set(d.place, crowd)
	} else if _, ok := e.crowds.get(d.place); ok {
		e.crowds.delete(d.place)
	}
}

// crowd is a list that may be changed.
func (e *tableEdit) crowd(place uint64) []catalog.Row {
	crowd, _ := e.crowds.get(place)
	if !e.crowded[place] {
		e.crowded[place] = true
		crowd = slices.Clone(crowd)
	}
	return crowd
}
