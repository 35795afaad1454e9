package indexer

// Governances is how many governances the table has numbered.
func (t *Table) Governances() int { return len(t.governances) }
