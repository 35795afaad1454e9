package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// clocked gives the handbook a clock.
func clocked(t testing.TB, s *Store) {
	t.Helper()
	commit(t, s, catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{Clock: catalog.ClockSeconds}})
}

// elsewhere commits to another document, for pruning to go on.
func elsewhere(t testing.TB, s *Store, times int64) {
	t.Helper()
	for range times {
		m := line("noise", int64(s.current.head)+1)
		m.Document.Source = "elsewhere"
		commit(t, s, m)
	}
}

// collect drops all of the handbook's tombstones that may go, and returns how many.
func collect(t testing.TB, s *Store) int {
	t.Helper()
	done, err := s.Commit(t.Context(), catalog.Commit{At: epoch.Add(time.Hour), Mutations: []catalog.Mutation{
		catalog.CollectTombstones{Source: "handbook", Before: epoch.Add(time.Minute), Limit: 1 << 20},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return len(done.Outcomes[0].Removed)
}

func gone(id string) catalog.DeleteDocument {
	return catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: id}, Version: epoch.Unix()}
}

// named counts the values of all buckets that name the document.
func named(t testing.TB, s *Store, id string) (n int) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for _, bucket := range buckets {
			if err := tx.Bucket([]byte(bucket)).ForEach(func(k, _ []byte) error {
				if bytes.Contains(k, appendName(nil, id)) {
					n++
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCollectedTombstonesLeaveNothing(t *testing.T) {
	path := file(t)
	s := open(t, path, Options{noSync: true, Retention: 2})
	clocked(t, s)
	commit(t, s, line("a", 1), line("kept", 1), line("versioned", 1))
	commit(t, s, catalog.PutAccess{Document: gone("versioned").Document, Access: catalog.AccessPatch{Version: 3}})
	commit(t, s, gone("a"), gone("versioned"))
	if n := collect(t, s); n != 0 {
		t.Fatalf("%d tombstones were dropped that the history needs", n)
	}
	elsewhere(t, s, 4)
	if n := collect(t, s); n != 2 {
		t.Fatalf("%d tombstones were dropped, want 2", n)
	}
	if n := named(t, s, "a"); n != 0 {
		t.Fatalf("%d values still name the document", n)
	}
	elsewhere(t, s, 4) // until the tombstone before the access register is pruned
	if n := named(t, s, "versioned"); n != 2 {
		t.Fatalf("%d values name the access register, want its record and the change", n)
	}
	if at := s.current.table.at(documents, idKey(gone("a").Document)); at != 0 {
		t.Fatalf("the table still knows revision %d", at)
	}
	if n := kept(t, s)[bucketTombstones]; n != 0 {
		t.Fatalf("%d tombstones are named", n)
	}
	if err := (checked{s, t}).Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{noSync: true, Retention: 2})
	done, err := s.Commit(t.Context(), catalog.Commit{At: epoch, Mutations: []catalog.Mutation{line("a", epoch.Unix())}})
	if err != nil || done.Outcomes[0].Refused != catalog.ErrVersionStale {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := s.follow(1); !errors.Is(err, catalog.ErrPruned) {
		t.Fatalf("following from before the dropped tombstone: %v", err)
	}
}

// TestATombstoneThatLeavesARecordIsNotMissed: who followed from before it is told of the
// record that took its place, and need not begin anew.
func TestATombstoneThatLeavesARecordIsNotMissed(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	clocked(t, s)
	before := commit(t, s, line("a", 1))
	commit(t, s, catalog.PutAccess{Document: gone("a").Document, Access: catalog.AccessPatch{Version: 3}})
	commit(t, s, gone("a"))
	elsewhere(t, s, 4)
	if n := collect(t, s); n != 1 {
		t.Fatalf("%d tombstones were dropped, want 1", n)
	}
	told := false
	for c, err := range s.Changes(t.Context(), before, catalog.Records) {
		if err != nil {
			t.Fatal(err)
		}
		told = told || c.Document != nil && c.Document.Document.DocumentID == gone("a").Document
	}
	if !told {
		t.Error("the document is not among the changes")
	}
}

// TestWhoFollowsHoldsTombstones: neither a lease, nor a call of Changes that has yet to tell
// of a deletion, nor a check loses one.
func TestWhoFollowsHoldsTombstones(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	clocked(t, s)
	var many []catalog.Mutation
	for i := range 2 * entriesPerPage {
		many = append(many, line(fmt.Sprintf("%03d", i), 1))
	}
	many = append(many, line("a", 1))
	before := commit(t, s, many...)

	lease := pin(t, s, 0)
	commit(t, s, gone("a"))
	commit(t, s, many[:len(many)-1]...) // nothing: repetitions
	elsewhere(t, s, 4)
	if n := collect(t, s); n != 0 {
		t.Fatalf("%d tombstones were dropped beyond a lease", n)
	}
	if err := lease.Close(); err != nil {
		t.Fatal(err)
	}
	told := false
	for c, err := range s.Changes(t.Context(), before, catalog.Contents) {
		if err != nil {
			t.Fatal(err)
		}
		if !told {
			elsewhere(t, s, 4)
			if n := collect(t, s); n != 0 {
				t.Fatalf("%d tombstones were dropped while a call of Changes runs", n)
			}
		}
		told = told || c.Document.Document.ID == "a"
	}
	if !told {
		t.Fatal("the deletion was not told")
	}
	progressed := false
	if err := s.Check(t.Context(), func(int, int) {
		if !progressed {
			progressed = true
			elsewhere(t, s, 4)
			if n := collect(t, s); n != 0 {
				t.Errorf("%d tombstones were dropped while a check runs", n)
			}
		}
	}); err != nil || !progressed {
		t.Fatal(progressed, err)
	}
	elsewhere(t, s, 4)
	if n := collect(t, s); n != 1 {
		t.Fatalf("%d tombstones were dropped in the end, want 1", n)
	}
}

// TestCollectingWhileReading drops tombstones under readers, who must see neither damage nor
// a document that is gone.
func TestCollectingWhileReading(t *testing.T) {
	s := open(t, file(t), Options{noSync: true, Retention: 1})
	clocked(t, s)
	const n = 20
	var ids []catalog.DocumentID
	for i := range n {
		ids = append(ids, catalog.DocumentID{Source: "handbook", ID: fmt.Sprint("doc", i)})
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	for reader := range 3 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				snapshot, err := s.Snapshot(t.Context(), 0)
				if err != nil {
					t.Errorf("pinning: %v", err)
					return
				}
				v := view(t, snapshot)
				d, err := snapshot.Documents(t.Context(), v, ids)
				if err != nil || len(d) != 0 && len(d) != n {
					t.Errorf("%d documents, %v", len(d), err)
				}
				snapshot.Close()
				// With a history of one revision, two commits between the call and its first step are too many.
				for _, err := range s.Changes(t.Context(), 0, catalog.Contents) {
					if err != nil && !errors.Is(err, catalog.ErrPruned) {
						t.Errorf("reading the changes: %v", err)
						return
					}
				}
				if reader > 0 {
					continue // one that follows is enough: each holds what it follows
				}
				for _, err := range s.Changes(t.Context(), snapshot.Revision(), catalog.Records) {
					if err != nil && !errors.Is(err, catalog.ErrPruned) {
						t.Errorf("following: %v", err)
						return
					}
				}
			}
		})
	}
	dropped := 0
	for round := range int64(60) {
		at := epoch.Add(time.Duration(round) * 3 * time.Second)
		var puts, deletes []catalog.Mutation
		for _, id := range ids {
			puts = append(puts, line(id.ID, at.Unix()))
			deletes = append(deletes, catalog.DeleteDocument{Document: id, Version: at.Unix() + 1})
		}
		commits := [][]catalog.Mutation{puts, deletes}
		for i := range int64(8) { // for pruning to get past the deletions
			m := line("other", 8*round+i)
			m.Document.Source = "elsewhere"
			commits = append(commits, []catalog.Mutation{m})
		}
		for _, limit := range []int{n / 2, n} {
			commits = append(commits, []catalog.Mutation{catalog.CollectTombstones{Source: "handbook", Before: at.Add(time.Hour), Limit: limit}})
		}
		for _, ms := range commits {
			c, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, At: at})
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range c.Outcomes {
				if o.Refused != nil {
					t.Fatalf("round %d, %T %d: %v", round, ms[i], i, o.Refused)
				}
				dropped += len(o.Removed)
			}
		}
	}
	close(done)
	wait.Wait()
	if dropped < n {
		t.Fatalf("%d tombstones were dropped: too few to say anything", dropped)
	}
	t.Logf("%d tombstones dropped", dropped)
}

// TestMarksGoBitByBit: a session of many documents ends at once, and its marks are removed
// by the commits that follow, a bounded number each.
func TestMarksGoBitByBit(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	const n = 5 * pruneAtLeast
	begin := func(id string) catalog.StartSync {
		return catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: id, Life: time.Hour}}
	}
	var seen []catalog.Mutation
	for i := range n {
		seen = append(seen, catalog.SeeDocument{Document: catalog.DocumentID{Source: "handbook", ID: fmt.Sprint(i)}})
	}
	for _, id := range []string{"s", "t"} {
		commit(t, s, begin(id))
		commit(t, s, seen...)
		commit(t, s, catalog.AbortSync{Source: "handbook"})
	}
	last := kept(t, s)[bucketSeen]
	if last < 3*pruneAtLeast {
		t.Fatalf("%d marks are left of two sessions of %d: too few to say anything", last, n)
	}
	for last > 0 {
		elsewhere(t, s, 1)
		now := kept(t, s)[bucketSeen]
		if now >= last || last-now > pruneAtLeast {
			t.Fatalf("one commit removed %d of %d marks", last-now, last)
		}
		last = now
	}
	if err := s.db.View(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err == nil && len(st.Ended) != 0 {
			err = fmt.Errorf("ended sessions are left: %v", st.Ended)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestExpiredRequestsGoBitByBit(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	const n = 5 * expireAtLeast
	var c catalog.Commit
	for i := range n {
		c.Mutations = append(c.Mutations, gone(fmt.Sprint(i)))
		c.Requests = append(c.Requests, catalog.Request{By: "ada", ID: fmt.Sprint(i)})
	}
	c.At = epoch.Add(-2 * catalog.RequestLife)
	for i := range c.Mutations {
		m := c.Mutations[i].(catalog.DeleteDocument)
		m.Version = 1
		c.Mutations[i] = m
	}
	if _, err := s.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	last := n
	for last > 0 {
		elsewhere(t, s, 1)
		now := kept(t, s)
		if left := now[bucketRequests]; left != now[bucketExpiries] || left >= last || last-left > expireAtLeast {
			t.Fatalf("one commit forgot %d of %d requests, and %d are dated", last-left, last, now[bucketExpiries])
		}
		last = now[bucketRequests]
	}
}

func TestTimesInKeysSortAsTimes(t *testing.T) {
	times := []time.Time{{}, time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Unix(0, 0), time.Unix(0, 1), epoch, time.Date(9999, 12, 31, 0, 0, 0, 5, time.UTC)}
	for i, x := range times {
		if back := splitTime(appendTime(nil, x)); !back.Equal(x) {
			t.Errorf("%v came back as %v", x, back)
		}
		for j, y := range times {
			if got, want := bytes.Compare(appendTime(nil, x), appendTime(nil, y)), x.Compare(y); got != want {
				t.Errorf("times %d and %d compare as %d, their keys as %d", i, j, want, got)
			}
		}
	}
}
