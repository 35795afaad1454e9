package indexer

import (
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Admitted returns the documents that the view admits and the filter keeps, by id, those
// without passages too, which no Visible has a row of. The rule is asked once for each
// governance.
func (t *Table) Admitted(view acl.View, f Filter) (ids []catalog.DocumentID) {
	match := t.matcher(f)
	admitted := map[*governance]bool{}
	for e := range t.documents.all() {
		yes, known := admitted[e.governance]
		if !known {
			yes = view.Admits(t.access(e.governance))
			admitted[e.governance] = yes
		}
		if yes && match(e) {
			ids = append(ids, e.DocumentID)
		}
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return ids
}
