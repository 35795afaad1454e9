package bolt

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// TestStateOfAnEarlierTransaction: a file whose state is whole and not the newest is refused.
func TestStateOfAnEarlierTransaction(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, 2, 0, 2)
	if err := s.db.Update(func(tx *bbolt.Tx) error { // as if the state's page had not been written
		return tx.Bucket([]byte(bucketOutbox)).Put([]byte("other"), nil)
	}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(path, Options{}); !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), "transaction") {
		t.Errorf("opening says %v", err)
	}
}

// TestIdentity: a store keeps its ID, a copy has the same until it is given another, and a
// file of a version that gave none gets one.
func TestIdentity(t *testing.T) {
	path, copied := file(t), file(t)
	reopened := func(path string) *Store {
		t.Helper()
		s, err := Open(path, Options{noSync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := reopened(path)
	sample(t, s, 2, 0, 2)
	id := s.ID()
	if _, err := s.Copy(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s = reopened(path); s.ID() != id || id == (catalog.ID{}) {
		t.Errorf("opened again, %v has become %v", id, s.ID())
	}
	c := reopened(copied)
	if c.ID() != id {
		t.Errorf("the copy of %v is %v", id, c.ID())
	}
	truth := everything(c, 2)
	if err := c.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	renewed := c.ID()
	sample(t, c, 2, 2, 3)
	c.Close()
	if c = reopened(copied); c.ID() != renewed || renewed == id || renewed == (catalog.ID{}) {
		t.Errorf("renewed to %v, opened again it is %v", renewed, c.ID())
	}
	served(t, truth, everything(s, 2), "the original of a renewed copy")

	if err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		st.ID = catalog.ID{}
		return writeState(tx, st)
	}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = reopened(path)
	given := s.ID()
	s.Close()
	if s = reopened(path); given == (catalog.ID{}) || s.ID() != given {
		t.Errorf("a file without ID got %v, and then %v", given, s.ID())
	}
}
