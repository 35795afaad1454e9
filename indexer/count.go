package indexer

// Documents is how many documents are present.
func (t *Table) Documents() int {
	n := 0
	for range t.documents.all() {
		n++
	}
	return n
}

// Passages is how many rows are live.
func (t *Table) Passages() int {
	n := 0
	for e := range t.documents.all() {
		n += int(e.rows.Count)
	}
	return n
}
