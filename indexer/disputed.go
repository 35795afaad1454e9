package indexer

import (
	"slices"

	"github.com/muniment/muniment/catalog"
)

// Disputes returns the documents with which a verdict is kept, as the first of the two, that one
// of them and id is right. They are ids only: whether the caller may see one of them, and what
// its verdict says, is for the catalog to say.
func (t *Table) Disputes(id catalog.DocumentID) []catalog.DocumentID {
	list, _ := t.disputes.get(id)
	return list
}

// disputed are the documents that d's verdicts are about which say that one of the two is
// right, each once.
func disputed(d *catalog.Document) (ids []catalog.DocumentID) {
	for _, s := range d.Settlements {
		right := s.Verdict == catalog.FirstIsRight || s.Verdict == catalog.SecondIsRight
		if right && !slices.Contains(ids, s.With) {
			ids = append(ids, s.With)
		}
	}
	return ids
}

// dispute replaces what d's verdicts were about by next.
func (e *tableEdit) dispute(d *entry, next []catalog.DocumentID) {
	for _, id := range d.disputed {
		list, _ := e.disputes.get(id)
		e.disputes.set(id, slices.DeleteFunc(slices.Clone(list), func(s catalog.DocumentID) bool { return s == d.DocumentID }))
	}
	for _, id := range next {
		if list, _ := e.disputes.get(id); !slices.Contains(list, d.DocumentID) {
			list = append(slices.Clone(list), d.DocumentID)
			slices.SortFunc(list, catalog.DocumentID.Compare)
			e.disputes.set(id, list)
		}
	}
}
