package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// What can fail while bbolt commits, in its order, and what is known afterwards:
//
//	mapping more of the file   nothing was written, but bbolt may have no mapping any more
//	extending the file         nothing was written
//	syncing the extension      unknown: a failed sync is reported once, and the pages that
//	                           could not be written count as clean from then on
//	writing pages              the pages belong to nothing yet: the file is as it was
//	syncing them               unknown
//	writing the meta page      whole, in part or not at all: the commit may be there
//	syncing it                 unknown: readers see the commit, the disk may not have it
//
// bbolt rolls back in every case, but that only tells what the page cache holds. To go on
// after a failed sync would be to acknowledge commits on top of one that a power cut takes
// away. So the store goes on after one failure only, the one that an operator can mend
// while it runs: there was no room, and the file is proven to be at the transaction
// before. Everything else poisons it.

// failed decides what a failed attempt means, and returns the error to report.
func (s *Store) failed(a attempt, cause error) error {
	if !a.locked && noRoom(cause) && s.at(a.before) {
		s.log.Warn("no room for a commit", "error", cause)
		return fmt.Errorf("%w (%w)", catalog.ErrFull, cause)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = a.locked
	s.poison = fmt.Errorf("%w (%w)", catalog.ErrPoisoned, cause)
	close(s.poisoned)
	s.log.Error("the catalog takes no more changes", "error", cause)
	return s.poison
}

// Err returns nil while the store takes commits, else an error that wraps
// catalog.ErrPoisoned.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poison
}

// Failed returns a channel that is closed once the store is poisoned, as Err then says.
func (s *Store) Failed() <-chan struct{} { return s.poisoned }

// noRoom reports whether the cause of a failed commit is that a write to the file or its
// extension did not fit: on the disk, in a quota or under the limit of a file's size. A
// sync that fails for want of room is none of these.
func noRoom(cause error) bool {
	full := []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	if at, ok := errors.AsType[*fs.PathError](cause); ok && at.Op == "write" {
		for _, errno := range full {
			if errors.Is(at, errno) {
				return true
			}
		}
	}
	// Of an extension that fails bbolt keeps the text alone.
	if text, ok := strings.CutPrefix(cause.Error(), "file resize error: "); ok {
		for _, errno := range full {
			if strings.HasSuffix(text, errno.Error()) {
				return true
			}
		}
	}
	return false
}

// at reports whether the file's newest transaction is this one: the meta page of a later
// one was not written, or not to its end.
func (s *Store) at(transaction int) (is bool) {
	err := s.read(context.Background(), func(tx *bbolt.Tx) error {
		is = tx.ID() == transaction
		return nil
	})
	return is && err == nil
}
