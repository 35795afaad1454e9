package bolt

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// settle writes the meta page that the file goes by once more, as it is, and syncs it.
//
// Without it, a restart after a failed sync could lose acknowledged commits. The page may
// be in the page cache alone: the system took it for written when the sync failed, and
// shows it to the next process. bbolt would then put the next commit's meta page in the
// place of the only one that is on disk, and a power cut in that moment would leave a meta
// page from two commits ago, whose pages have been given to others since. Whatever else
// belongs to the newest transaction was synced before its meta page was written.
func (s *Store) settle(f *os.File) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		size := int64(s.db.Info().PageSize)
		page, at := make([]byte, size), int64(tx.ID()%2)*size
		if _, err := f.ReadAt(page, at); err != nil {
			return fmt.Errorf("reading the meta page: %w", err)
		}
		if _, err := f.WriteAt(page, at); err != nil {
			return fmt.Errorf("writing the meta page again: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("syncing the meta page: %w", err)
		}
		return nil
	})
}
