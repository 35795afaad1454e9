package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

const (
	valuesPerPage = 1000 // of one transaction of a check
	maxProblems   = 20   // after which a check stops
)

// Check reads every value of the newest revision and of the history that is kept, and
// verifies its checksum and that the values fit together:
//
//   - each record is named in changes, and changes names nothing else;
//   - each record names the one before it, none is missing between them;
//   - each record of a document that is present has its text and exactly its passages, in
//     order, with their vectors, and nothing else is kept;
//   - each source of a record is registered, and its counts are right;
//   - each session's marks are there, each tombstone is named, and each request is
//     remembered as long as it says;
//   - the directory in memory says what the records of groups and entries say.
//
// It returns the first problems found, joined, each wrapping catalog.ErrDamaged. Reads and
// commits go on meanwhile; what they add is not checked. Nothing is pruned while it runs.
// Progress, if not nil, is told how many of the file's values have been seen.
func (s *Store) Check(ctx context.Context, progress func(done, total int)) error {
	s.writing.Lock() // no commit is about to prune
	s.mu.Lock()
	s.paused++
	current, floor := s.current, s.floor
	s.mu.Unlock()
	c := &check{store: s, ctx: ctx, head: current, floor: floor, progress: progress, counts: map[string]int{}, owed: map[string]int{}, found: map[string]*source{}}
	sourcesErr := c.capture()
	s.writing.Unlock()
	defer func() {
		s.mu.Lock()
		s.paused--
		s.mu.Unlock()
	}()

	if err := errors.Join(sourcesErr, c.run()); err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("checking the catalog: %w", err)
	}
	if err := errors.Join(c.problems...); err != nil {
		return fmt.Errorf("checking the catalog: %w", err)
	}
	return nil
}

var errEnough = errors.New("enough problems")

// check is one run of Check.
type check struct {
	store       *Store
	ctx         context.Context
	head        published
	floor       catalog.Revision // nothing at or above it may be missing
	progress    func(done, total int)
	done, total int
	problems    []error
	counts      map[string]int     // values seen, by bucket
	owed        map[string]int     // values that the documents' records need, by bucket
	last        visited            // the record visited before, of the same key or another
	sources     []*source          // at the head
	found       map[string]*source // what is counted of them, by name
}

func (c *check) run() error {
	err := c.store.read(c.ctx, func(tx *bbolt.Tx) error {
		c.total = 0
		for _, name := range buckets {
			c.total += tx.Bucket([]byte(name)).Stats().KeyN
		}
		st, err := readState(tx)
		if err != nil {
			return err
		}
		_, err = loadTable(tx, st)
		return c.problem(err)
	})
	if err == nil {
		err = c.outbox()
	}
	if err == nil {
		err = c.beside()
	}
	if err != nil {
		return err
	}
	for _, step := range []struct {
		bucket string
		visit  func(r *reader, k, v []byte) error
	}{
		{bucketMeta, c.value(bucketMeta)},
		{bucketChanges, c.change},
		{bucketContainers, c.record(containers)},
		{bucketGroups, c.record(groups)},
		{bucketDocuments, c.record(documents)},
		{bucketEntries, c.record(entries)},
		{bucketTexts, c.text},
		{bucketPassages, c.row(bucketPassages)},
		{bucketVectors, c.row(bucketVectors)},
	} {
		if err := c.walk(step.bucket, step.visit); err != nil {
			return err
		}
		if err := c.problem(c.oldest()); err != nil {
			return err
		}
	}
	for _, name := range []string{bucketTexts, bucketPassages, bucketVectors} {
		if c.counts[name] != c.owed[name] {
			err := fmt.Errorf("%w: bucket %s: %d values are kept and %d belong to documents", catalog.ErrDamaged, name, c.counts[name], c.owed[name])
			if err := c.problem(err); err != nil {
				return err
			}
		}
	}
	if err := c.problem(c.tallied()); err != nil {
		return err
	}
	return c.directory()
}

// problem collects damage and returns every other error, or errEnough.
func (c *check) problem(err error) error {
	if !errors.Is(err, catalog.ErrDamaged) {
		return err
	}
	if c.problems = append(c.problems, err); len(c.problems) >= maxProblems {
		return errEnough
	}
	return nil
}

// walk visits every value of the bucket, in several transactions.
func (c *check) walk(bucket string, visit func(r *reader, k, v []byte) error) error {
	var from []byte
	for more := true; more; {
		more = false
		err := c.store.read(c.ctx, func(tx *bbolt.Tx) error {
			r := newReader(tx, c.head.table, c.head.head)
			cursor := tx.Bucket([]byte(bucket)).Cursor()
			n := 0
			for k, v := cursor.Seek(from); k != nil; k, v = cursor.Next() {
				if n++; n > valuesPerPage {
					from, more = bytes.Clone(k), true
					return nil
				}
				c.done++
				if err := c.problem(visit(r, k, v)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			if err := c.problem(err); err != nil { // a damaged page: the rest of this bucket cannot be walked
				return err
			}
			more = false
		}
		if c.progress != nil {
			c.progress(c.done, max(c.total, c.done))
		}
	}
	return nil
}

// value checks nothing but the checksum.
func (c *check) value(bucket string) func(*reader, []byte, []byte) error {
	return func(_ *reader, k, v []byte) error {
		_, err := unseal(bucket, k, v)
		return err
	}
}

// change checks that the record is there which the entry of changes names.
func (c *check) change(r *reader, k, v []byte) error {
	if _, err := unseal(bucketChanges, k, v); err != nil {
		return err
	}
	at, kind, key, ok := splitChangeKey(k)
	if !ok {
		return damaged(bucketChanges, k, "the key is not one of a change")
	}
	if at <= c.head.head && r.exact(kind.bucket(), recordKey(key, at)) == nil {
		return damaged(kind.bucket(), recordKey(key, at), "it is missing")
	}
	return nil
}

// outbox checks that no record is missing which has not been taken.
func (c *check) outbox() error {
	for next := uint64(1); ; {
		err := c.store.read(c.ctx, func(tx *bbolt.Tx) error {
			page, err := outboxPage(tx, next, c.head.sequence)
			c.done += len(page)
			if next = 0; len(page) > 0 {
				next = page[len(page)-1].Sequence + 1
			}
			return err
		})
		if err != nil || next == 0 {
			return c.problem(err)
		}
	}
}

// directory checks that the directory of the head says what the groups' records say.
func (c *check) directory() error {
	return c.store.read(c.ctx, func(tx *bbolt.Tx) error {
		r := newReader(tx, c.head.table, c.head.head)
		stored, _, err := loadDirectory(r)
		if err != nil {
			return c.problem(err)
		}
		for _, key := range c.head.table.all(groups) {
			at, payload, err := r.newest(groups, key)
			if at == 0 && err == nil {
				continue // added meanwhile
			}
			if err != nil {
				return c.problem(err)
			}
			full := recordKey(key, at)
			g, err := decode[group](bucketGroups, full, payload)
			if err != nil {
				return c.problem(err)
			}
			if err := c.problem(sameGroup(full, g, c.head.directory, stored)); err != nil {
				return err
			}
		}
		var wrong error
		err = r.entries(func(at catalog.Revision, e catalog.Entry) {
			if a, ok := e.Activation(); ok && c.head.directory.Deactivated(a.User) == a.Active {
				wrong = damaged(bucketEntries, recordKey(groupKey(a.User), at), "the directory in memory says otherwise whether the user is active")
			}
		})
		return c.problem(errors.Join(err, wrong))
	})
}
