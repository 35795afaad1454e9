package bolt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// earlier returns a file of layout 0, which the version before layouts has written: 10
// commits, of which the retention keeps three, to the sources handbook and wiki.
func earlier(t *testing.T) (path string) {
	t.Helper()
	packed, err := os.Open("testdata/layout0.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	path = file(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileOfAnEarlierVersion(t *testing.T) {
	path := earlier(t)
	id := func(id string) catalog.DocumentID { return catalog.DocumentID{Source: "handbook", ID: id} }
	for round := range 2 {
		s, err := Open(path, Options{Retention: 1})
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.Sources(t.Context())
		if err != nil || len(list) != 2 || list[0].Documents != 3 || !list[0].First.Equal(time.Unix(1_700_000_060, 0)) || list[1].Name != "wiki" || list[1].Documents != 0 {
			t.Fatalf("round %d: sources %+v, %v", round, list, err)
		}
		n := pin(t, s, 0)
		for name, want := range map[string]string{"a": "a in version 2", "b": "b in version 3", "again": "again in version 2"} {
			text, err := n.Text(t.Context(), view(t, n), id(name))
			if err != nil || text != want {
				t.Fatalf("round %d: %s reads %q, %v", round, name, text, err)
			}
		}
		if n.Revision() != 10 {
			t.Fatalf("round %d: revision %d", round, n.Revision())
		}
		n.Close()
		if err := (checked{s, t}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path, Options{Retention: 1})
	commit(t, s, catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{Clock: catalog.ClockSeconds}})
	for i := range int64(3) { // for pruning to pass the tombstones
		commit(t, s, line("a", 10+i))
	}
	done, err := s.Commit(t.Context(), catalog.Commit{At: time.Unix(1_800_000_000, 0), Mutations: []catalog.Mutation{
		catalog.CollectTombstones{Source: "handbook", Before: time.Unix(1_750_000_000, 0), Limit: 10},
		catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", Life: time.Hour}},
		catalog.SeeDocument{Document: id("b")}, catalog.CommitSync{Source: "handbook", Session: "s", Share: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	dropped, removed := done.Outcomes[0].Removed, done.Outcomes[3].Removed
	if len(dropped) != 2 || dropped[0].ID != "gone" || dropped[1].ID != "never" || len(removed) != 2 || removed[0].ID != "a" || removed[1].ID != "again" {
		t.Fatalf("dropped %+v, removed %+v", dropped, removed)
	}
}

// TestFileThatWentBack: the version before layouts opens a newer file, commits to it and
// writes the state and the sources without what it does not know.
func TestFileThatWentBack(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	aside(t, s)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		key := appendName(nil, "handbook")
		if err := put(tx, bucketSources, key, catalog.Source{Name: "handbook", First: time.Unix(1, 0)}); err != nil {
			return err
		}
		return writeState(tx, state{Head: st.Head, Rows: st.Rows, Sequence: st.Sequence, Floor: st.Floor, Pruned: st.Pruned, Sum: st.Sum, Taken: st.Taken})
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{}) // and checked at the end
	list, err := s.Sources(t.Context())
	if err != nil || list[1].Documents != 2 || list[1].Session != nil || list[1].Seen != 0 {
		t.Fatalf("sources %+v, %v", list, err)
	}
	if n := kept(t, s); n[bucketSeen]+n[bucketRequests]+n[bucketExpiries] != 0 || n[bucketTombstones] != 1 {
		t.Fatalf("values kept: %v", n)
	}
}

func TestFileOfALaterVersion(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error { return writeState(tx, state{Layout: layout + 1}) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, errNewer) || errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%v, want an error that names the file and says it is newer", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the file was changed: %v", err)
	}
}

// TestFileOfLayout1 keeps all that it has, and can then hold entries.
func TestFileOfLayout1(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	aside(t, s)
	before := kept(t, s)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		st.Layout = 1
		return errors.Join(tx.DeleteBucket([]byte(bucketEntries)), writeState(tx, st))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{}) // and checked at the end
	if after := kept(t, s); !maps.Equal(before, after) {
		t.Fatalf("values kept: %v, before %v", after, before)
	}
	commit(t, s, catalog.PutEntry{Entry: catalog.Entry{Principal: "user:corp/ada", Version: 1}})
	if n := pin(t, s, 0); !n.Directory().Deactivated("user:corp/ada") {
		t.Fatal("the user is active")
	}
}

// TestLaterBucketMissing: only a file of an earlier layout may lack them.
func TestLaterBucketMissing(t *testing.T) {
	for _, name := range append([]string{bucketEntries}, laterBuckets...) {
		path := file(t)
		s, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		commit(t, s, line("a", 1))
		if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(name)) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, Options{}); !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Fatalf("%v, want ErrDamaged that names the bucket %s", err, name)
		}
	}
}

// TestDamagedFileOfAnEarlierVersion: what cannot be counted is not guessed.
func TestDamagedFileOfAnEarlierVersion(t *testing.T) {
	path := earlier(t)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		k, v := tx.Bucket([]byte(bucketDocuments)).Cursor().First()
		flipped := bytes.Clone(v)
		flipped[len(v)-1] ^= 1
		return tx.Bucket([]byte(bucketDocuments)).Put(bytes.Clone(k), flipped)
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, catalog.ErrDamaged) {
		t.Fatalf("%v, want ErrDamaged", err)
	}
}
