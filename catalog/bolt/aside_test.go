package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// epoch is when the test's commits are made.
var epoch = time.Unix(1_800_000_000, 0)

// aside puts something in every bucket that no revision counts: two documents and a
// tombstone of the handbook, marks of an open session and of one that ended, and requests.
func aside(t testing.TB, s *Store) {
	t.Helper()
	id := func(id string) catalog.DocumentID { return catalog.DocumentID{Source: "handbook", ID: id} }
	wiki := func(id string) catalog.DocumentID { return catalog.DocumentID{Source: "wiki", ID: id} }
	commit(t, s, line("a", 1), line("b", 1), line("c", 1), catalog.PutSource{Source: "empty"},
		catalog.StartSync{Source: "handbook", Session: catalog.Session{ID: "s", Life: time.Hour}},
		catalog.StartSync{Source: "wiki", Session: catalog.Session{ID: "w", Life: time.Hour}}, catalog.SeeDocument{Document: wiki("x")})
	done, err := s.Commit(t.Context(), catalog.Commit{
		At: epoch,
		Mutations: []catalog.Mutation{line("a", 2), catalog.SeeDocument{Document: id("never")}, catalog.DeleteDocument{Document: id("c"), Version: 1},
			catalog.PutVectors{Document: id("b"), Version: 1, Space: "s", Vectors: [][]float32{{1}, nil}}},
		Requests: []catalog.Request{{By: "ada", ID: "1"}, {By: "ada", ID: "2"}, {}, {By: "bob", ID: "1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range done.Outcomes {
		if o.Refused != nil {
			t.Fatalf("mutation %d: %v", i, o.Refused)
		}
	}
	// Its mark would be cleaned up by the very commit, so it is put back as if there were more.
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		st.Sessions++
		st.Ended = append(st.Ended, ended{Number: st.Sessions, Marks: 1})
		key := markKey(st.Sessions, idKey(id("a")))
		if err := tx.Bucket([]byte(bucketSeen)).Put(key, seal(bucketSeen, key, nil)); err != nil {
			return err
		}
		return writeState(tx, st)
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDamageAside alters every value that aside leaves in these buckets, and expects the
// check to name it.
func TestDamageAside(t *testing.T) {
	s, err := Open(file(t), Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	aside(t, s)
	if err := s.Check(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, bucket := range append([]string{bucketSources, bucketVectors, bucketMeta}, laterBuckets...) {
		type pair struct{ key, value []byte }
		var pairs []pair
		if err := s.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
				pairs = append(pairs, pair{bytes.Clone(k), bytes.Clone(v)})
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		if len(pairs) == 0 {
			t.Fatalf("nothing is in bucket %s", bucket)
		}
		for _, p := range pairs {
			flipped := bytes.Clone(p.value)
			flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
			for how, v := range map[string][]byte{"a bit flipped": flipped, "cut short": p.value[:len(p.value)-1], "empty": {}, "removed": nil} {
				change(t, s, bucket, p.key, v)
				err := s.Check(t.Context(), nil)
				if !errors.Is(err, catalog.ErrDamaged) {
					t.Fatalf("%s, key %x, %s: the check says %v", bucket, p.key, how, err)
				}
				if how != "removed" && !strings.Contains(err.Error(), fmt.Sprintf("bucket %s, key %x", bucket, p.key)) {
					t.Fatalf("%s, key %x, %s: the check names another place: %v", bucket, p.key, how, err)
				}
				change(t, s, bucket, p.key, p.value)
			}
		}
	}
	if err := s.Check(t.Context(), nil); err != nil {
		t.Fatalf("restored: %v", err)
	}
}

// change stores a value as it is, or removes it.
func change(t testing.TB, s *Store, bucket string, key, value []byte) {
	t.Helper()
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		if value == nil {
			return tx.Bucket([]byte(bucket)).Delete(key)
		}
		return tx.Bucket([]byte(bucket)).Put(key, value)
	}); err != nil {
		t.Fatal(err)
	}
}

// TestWrongAside stores values that are sealed and wrong: counts, marks, tombstones and
// requests that do not fit what is stored.
func TestWrongAside(t *testing.T) {
	for what, alter := range map[string]func(tx *bbolt.Tx, st *state) error{
		"one document more": func(tx *bbolt.Tx, st *state) error {
			return recounted(tx, st, func(s *source) { s.Documents++; s.Unseen++ })
		},
		"one unseen less":    func(tx *bbolt.Tx, st *state) error { return recounted(tx, st, func(s *source) { s.Unseen-- }) },
		"one seen more":      func(tx *bbolt.Tx, st *state) error { return recounted(tx, st, func(s *source) { s.Seen++ }) },
		"one tombstone more": func(tx *bbolt.Tx, st *state) error { return recounted(tx, st, func(s *source) { s.Tombstones++ }) },
		"no session's number": func(tx *bbolt.Tx, st *state) error {
			return recounted(tx, st, func(s *source) { s.Number, s.Seen = 0, 0 })
		},
		"a source's older record": func(tx *bbolt.Tx, st *state) error {
			old := *st
			return recounted(tx, &old, func(s *source) { s.Collected = 7 })
		},
		"one request more":      func(_ *bbolt.Tx, st *state) error { st.Requests++; return nil },
		"one more of the ended": func(_ *bbolt.Tx, st *state) error { st.Ended[0].Marks++; return nil },
		"an ended one unknown":  func(_ *bbolt.Tx, st *state) error { st.Ended = nil; return nil },
		"a mark of another source": func(tx *bbolt.Tx, st *state) error {
			key := markKey(1, idKey(catalog.DocumentID{Source: "wiki", ID: "a"}))
			if err := recounted(tx, st, func(s *source) { s.Seen++ }); err != nil {
				return err
			}
			return tx.Bucket([]byte(bucketSeen)).Put(key, seal(bucketSeen, key, nil))
		},
		"a tombstone of what is present": func(tx *bbolt.Tx, st *state) error {
			key := tombstoneKey(catalog.DocumentID{Source: "handbook", ID: "b"}, epoch, 2)
			if err := recounted(tx, st, func(s *source) { s.Tombstones++ }); err != nil {
				return err
			}
			return tx.Bucket([]byte(bucketTombstones)).Put(key, seal(bucketTombstones, key, nil))
		},
		"a tombstone of no source": func(tx *bbolt.Tx, _ *state) error {
			key := tombstoneKey(catalog.DocumentID{Source: "unheard of", ID: "b"}, epoch, 2)
			return tx.Bucket([]byte(bucketTombstones)).Put(key, seal(bucketTombstones, key, nil))
		},
		"a request under another time": func(tx *bbolt.Tx, _ *state) error {
			b := tx.Bucket([]byte(bucketExpiries))
			k, _ := b.Cursor().First()
			key := expiryKey(epoch.Add(time.Second), bytes.Clone(k[timeLength:]))
			if err := b.Delete(bytes.Clone(k)); err != nil {
				return err
			}
			return b.Put(key, seal(bucketExpiries, key, nil))
		},
		"a vector nobody has": func(tx *bbolt.Tx, _ *state) error {
			key := vectorKey(1, 2)
			return tx.Bucket([]byte(bucketVectors)).Put(key, seal(bucketVectors, key, nil))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := Open(file(t), Options{noSync: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			aside(t, s)
			if err := s.db.Update(func(tx *bbolt.Tx) error {
				st, err := readState(tx)
				if err == nil {
					err = alter(tx, &st)
				}
				if err != nil {
					return err
				}
				return writeState(tx, st)
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(t.Context(), nil); !errors.Is(err, catalog.ErrDamaged) {
				t.Fatalf("the check says %v", err)
			}
		})
	}
}

// recounted changes the record of the handbook, and the sum of all with it.
func recounted(tx *bbolt.Tx, st *state, edit func(*source)) error {
	all, err := readSources(tx)
	if err != nil {
		return err
	}
	s := all[slices.IndexFunc(all, func(s *source) bool { return s.Name == "handbook" })]
	edit(s)
	return s.write(tx, st)
}

// TestSourceThatIsMissingIsNoticedAtOpening: without it late documents would come back.
func TestSourceThatIsMissingIsNoticedAtOpening(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	aside(t, s)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		return errors.Join(tx.Bucket([]byte(bucketSources)).Delete(appendName(nil, "empty")), writeState(tx, st))
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, catalog.ErrDamaged) || !strings.Contains(err.Error(), bucketSources) {
		t.Fatalf("%v, want ErrDamaged that names the bucket", err)
	}
}

// TestLostMarkRemovesNothing: a page of marks that is lost must not cost documents.
func TestLostMarkRemovesNothing(t *testing.T) {
	s, err := Open(file(t), Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	aside(t, s)
	change(t, s, bucketSeen, markKey(1, idKey(catalog.DocumentID{Source: "handbook", ID: "a"})), nil)
	_, err = s.Commit(t.Context(), catalog.Commit{At: epoch, Mutations: []catalog.Mutation{catalog.CommitSync{Source: "handbook", Session: "s", Share: 1}}})
	if !errors.Is(err, catalog.ErrDamaged) {
		t.Fatalf("%v, want ErrDamaged", err)
	}
	n := pin(t, s, 0)
	if d, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{{Source: "handbook", ID: "a"}}); err != nil || len(d) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
}
