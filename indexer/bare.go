package indexer

import (
	"slices"

	"github.com/muniment/muniment/catalog"
)

// Bare returns the documents without passages that match the filter, by id, whoever may read
// them: no Visible has them, for they are found by no query. They are ids only: whether the
// caller may see one is for the catalog to say.
func (t *Table) Bare(f Filter) (ids []catalog.DocumentID) {
	match := t.matcher(f)
	for e := range t.documents.all() {
		if e.rows.Count == 0 && match(e) {
			ids = append(ids, e.DocumentID)
		}
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return ids
}
