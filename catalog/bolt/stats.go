package bolt

// Reads is how many transactions read the file at this moment. None outlives the call that
// opened it, so the number stays small; one that stays keeps the file from using pages again.
func (s *Store) Reads() int { return s.db.Stats().OpenTxN }
