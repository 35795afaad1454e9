package indexer

// Documents is how many documents are present.
func (t *Table) Documents() int {
	n := 0
	if t.documents.parts != nil {
		for _, part := range t.documents.parts {
			n += len(part)
		}
	}
	return n
}

// Passages is how many rows are live.
func (t *Table) Passages() int {
	n := 0
	for e := range t.entries() {
		n += int(e.Rows.Count)
	}
	return n
}

// Pending is how many documents wait for their vectors.
func (t *Table) Pending() int {
	n := 0
	for e := range t.entries() {
		if e.Pending {
			n++
		}
	}
	return n
}

// entries yields every present document, in any order.
func (t *Table) entries() func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		if t.documents.parts == nil {
			return
		}
		for _, part := range t.documents.parts {
			for _, e := range part {
				if !yield(e) {
					return
				}
			}
		}
	}
}
