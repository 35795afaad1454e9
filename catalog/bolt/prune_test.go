package bolt

import (
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// kept counts the values of each bucket.
func kept(t testing.TB, s *Store) map[string]int {
	t.Helper()
	counts := map[string]int{}
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			counts[name] = tx.Bucket([]byte(name)).Stats().KeyN
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestHistoryIsPrunedToTheRetention(t *testing.T) {
	path := file(t)
	const retention, revisions = 5, 60
	s := open(t, path, Options{noSync: true, Retention: retention})
	for i := range int64(revisions) {
		commit(t, s, line("a", i+1),
			catalog.PutGroup{Group: "group:x", Members: []acl.Principal{acl.Principal(fmt.Sprint("user:corp/", i))}},
			catalog.PutEntry{Entry: catalog.Entry{Principal: "user:corp/ada", Version: i + 1, State: catalog.Active}},
			catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "handbook", ID: "f"}, Version: i + 1}})
	}
	want := retention + 1 // the revisions from head-retention to head
	got := kept(t, s)
	for bucket, n := range map[string]int{
		bucketDocuments: want, bucketTexts: want, bucketPassages: 2 * want, bucketVectors: want,
		bucketContainers: want, bucketGroups: want, bucketEntries: want, bucketChanges: 4 * want,
	} {
		if got[bucket] != n {
			t.Errorf("bucket %s keeps %d values of %d commits, want %d", bucket, got[bucket], revisions, n)
		}
	}
	for range 2 {
		if _, err := s.Snapshot(t.Context(), revisions-retention-1); !errors.Is(err, catalog.ErrPruned) {
			t.Fatalf("a revision beyond the retention: %v, want ErrPruned", err)
		}
		n := pin(t, s, revisions-retention)
		d, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{{Source: "handbook", ID: "a"}})
		if err != nil || len(d) != 1 || d[0].Version != revisions-retention {
			t.Fatalf("the oldest revision kept: %+v, %v", d, err)
		}
		if err := (checked{s, t}).Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, path, Options{noSync: true, Retention: retention})
	}
}

func TestLeaseKeepsItsRevision(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	commit(t, s, line("a", 1))
	commit(t, s, line("a", 2))
	leased := pin(t, s, 0)
	again := pin(t, s, leased.Revision())
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range int64(20) {
		commit(t, s, line("a", 3+i))
	}
	text, err := leased.Text(t.Context(), view(t, leased), catalog.DocumentID{Source: "handbook", ID: "a"})
	if err != nil || text != "a in version 2" {
		t.Fatalf("the leased revision reads %q, %v", text, err)
	}
	if got := walk(t, leased); len(got) != 2 || got[0] != "a@2: a in version 2" {
		t.Fatalf("the leased revision holds %q", got)
	}
	if n := kept(t, s)[bucketDocuments]; n < 20 {
		t.Fatalf("%d records are kept above the lease: some were pruned past it", n)
	}
	if err := leased.Close(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, line("a", 100))
	if n := kept(t, s)[bucketDocuments]; n != 2 {
		t.Fatalf("%d records are kept once the lease is gone, want 2", n)
	}
	if _, err := s.Snapshot(t.Context(), leased.Revision()); !errors.Is(err, catalog.ErrPruned) {
		t.Fatalf("the revision of a lease that is gone: %v, want ErrPruned", err)
	}
}

func TestTombstonesAreNeverPruned(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	id := catalog.DocumentID{Source: "handbook", ID: "a"}
	commit(t, s, line("a", 1))
	commit(t, s, catalog.DeleteDocument{Document: id, Version: 5})
	for i := range int64(10) {
		commit(t, s, line("b", i))
	}
	got := kept(t, s)
	if got[bucketTexts] != 2 || got[bucketPassages] != 4 {
		t.Fatalf("the deleted document's text or passages are kept: %v", got)
	}
	done, err := s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{line("a", 4), line("a", 5)}})
	if err != nil {
		t.Fatal(err)
	}
	if done.Outcomes[0].Refused != catalog.ErrVersionStale || done.Outcomes[1].Refused != catalog.ErrVersionReused {
		t.Fatalf("a deleted document came back: %+v", done.Outcomes)
	}
}

func TestPruningIsBoundedPerCommitAndKeepsPace(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	lease := pin(t, s, 0)
	const documents = 2 * pruneAtLeast
	for version := range int64(4) {
		var ms []catalog.Mutation
		for i := range documents {
			ms = append(ms, line(fmt.Sprint(i), version))
		}
		commit(t, s, ms...)
	}
	before := kept(t, s)[bucketDocuments]
	if before != 4*documents {
		t.Fatalf("%d records are kept under a lease, want %d", before, 4*documents)
	}
	if err := lease.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range int64(200) {
		commit(t, s, line("0", 10+i))
		now := kept(t, s)[bucketDocuments]
		if before-now > pruneAtLeast {
			t.Fatalf("one commit pruned %d records", before-now)
		}
		if before = now; now == documents+1 {
			return
		}
	}
	t.Fatalf("%d records are still kept, want %d", before, documents+1)
}

// TestPruningLeavesDamage: the history cannot be pruned where it is damaged, and commits
// must go on.
func TestPruningLeavesDamage(t *testing.T) {
	s, err := Open(file(t), Options{noSync: true, Retention: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, line("a", 1), line("b", 1))
	key := recordKey(idKey(catalog.DocumentID{Source: "handbook", ID: "a"}), 1)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketDocuments)).Put(key, []byte("damage"))
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{line("a", 2)}}); !errors.Is(err, catalog.ErrDamaged) {
		t.Fatalf("a commit on top of a damaged record: %v, want ErrDamaged", err)
	}
	for i := range int64(5) {
		commit(t, s, line("b", 2+i))
	}
	if n := kept(t, s)[bucketDocuments]; n != 3 {
		t.Fatalf("%d records are kept, want the damaged one and two", n)
	}
}

// TestPruningLeavesAValueThatSaysItIsABucket: a bit of a page makes one of the other.
func TestPruningLeavesAValueThatSaysItIsABucket(t *testing.T) {
	s, err := Open(file(t), Options{noSync: true, Retention: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := commit(t, s, line("a", 1))
	key := textKey(at, idKey(catalog.DocumentID{Source: "handbook", ID: "a"}))
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		texts := tx.Bucket([]byte(bucketTexts))
		if texts.Get(key) == nil {
			t.Fatal("there is no text")
		}
		if err := texts.Delete(key); err != nil {
			return err
		}
		_, err := texts.CreateBucket(key)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		commit(t, s, line("a", 2+i))
	}
	n, err := s.Snapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if d, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{{Source: "handbook", ID: "a"}}); err != nil || len(d) != 1 || d[0].Version != 6 {
		t.Fatalf("%+v, %v", d, err)
	}
}
