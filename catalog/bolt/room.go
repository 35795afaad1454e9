package bolt

import (
	"fmt"
	"path/filepath"

	"github.com/muniment/muniment/catalog"
)

// room refuses content when the disk is nearly full. Once it is full, nothing can be
// written any more: no revocation is committed, and no answer is recorded, so none may be
// given. What grows the file is therefore refused earlier than what is urgent.
func (s *Store) room(ms []catalog.Mutation) error {
	if s.reserve < 0 || !bringsContent(ms) {
		return nil
	}
	free, err := freeBytes(filepath.Dir(s.path))
	if err != nil || free >= uint64(s.reserve) {
		return nil // what cannot be measured is found out by writing
	}
	return fmt.Errorf("%w (%d MiB are free, and the last %d MiB are kept for deletions, access and audit)", catalog.ErrFull, free>>20, s.reserve>>20)
}

// bringsContent reports whether one of the mutations brings a document's text.
func bringsContent(ms []catalog.Mutation) bool {
	for _, m := range ms {
		switch m.(type) {
		case catalog.PutDocument, catalog.PutVectors:
			return true
		}
	}
	return false
}
