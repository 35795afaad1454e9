package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// sample puts something in every bucket, one commit for each version.
func sample(t testing.TB, s *Store, documents int, from, to int64) {
	t.Helper()
	for version := from; version < to; version++ {
		var ms []catalog.Mutation
		for i := range documents {
			ms = append(ms, line(fmt.Sprint("doc", i), version))
		}
		ms = append(ms,
			catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "handbook", ID: "f"}, Version: version + 1}},
			catalog.PutGroup{Group: "group:x", Members: []acl.Principal{acl.Principal(fmt.Sprint("user:corp/", version))}},
			catalog.PutEntry{Entry: catalog.Entry{Principal: "user:corp/ben", Version: version + 1, State: catalog.EntryState(version % 3)}},
			catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "gone"}, Version: version},
		)
		_, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, At: time.Unix(version, 0), Record: func(r catalog.Revision, i int, _ catalog.Outcome) [][]byte {
			return [][]byte{fmt.Append(nil, "record ", r, " ", i)}
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// everything reads all that the store answers at its newest revision, each answer or error
// under a name.
func everything(s *Store, documents int) map[string]string {
	ctx, all := context.Background(), map[string]string{}
	note := func(name string, value any, err error) {
		if err != nil {
			value = err
		}
		all[name] = fmt.Sprintf("%+v", value)
	}
	n, err := s.Snapshot(ctx, 0)
	if err != nil {
		note("snapshot", nil, err)
		return all
	}
	defer n.Close()
	cleared := acl.DefaultScale.UpTo("restricted")
	v, _ := n.View(acl.Identity{User: "user:corp/ada", App: "service:chat", Clearance: cleared, Scope: acl.Scope{AllSources: true, Clearance: cleared}}, time.Time{})
	for i := range documents {
		id := catalog.DocumentID{Source: "handbook", ID: fmt.Sprint("doc", i)}
		d, err := n.Documents(ctx, v, []catalog.DocumentID{id})
		for i := range d {
			d[i].Access.Policy = nil // a pointer, printed as one
		}
		note("document "+id.ID, d, err)
		p, err := n.Passages(ctx, v, []catalog.PassageID{{Document: id, Version: 2}, {Document: id, Version: 2, Ordinal: 1}})
		note("passages "+id.ID, p, err)
		text, err := n.Text(ctx, v, id)
		note("text "+id.ID, text, err)
	}
	members, err := n.Group("group:x")
	note("group", members, err)
	entries, err := n.Entries(ctx)
	note("entries", entries, err)
	note("deactivated", n.Directory().Deactivated("user:corp/ben"), nil)
	changes := 0
	for c, err := range s.Changes(ctx, 0, catalog.Contents) {
		changes++
		switch {
		case err != nil || c.Document == nil:
			note(fmt.Sprint("change ", changes), fmt.Sprint(c.Revision, c.Container, c.Group, c.Entry), err)
		default:
			c.Document.Document.Access.Policy = nil
			note(fmt.Sprint("change ", changes), *c.Document, nil)
		}
	}
	records := 0
	for r, err := range s.Outbox().Pending(ctx) {
		records++
		note(fmt.Sprint("record ", records), string(r.Body), err)
	}
	note("counts", [2]int{changes, records}, nil)
	return all
}

// TestDamagedValues alters every single value of a file and expects the check to name it,
// and no read to return anything but the truth or ErrDamaged.
func TestDamagedValues(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const documents = 2
	sample(t, s, documents, 0, 3)
	truth := everything(s, documents)
	if err := s.Check(t.Context(), nil); err != nil {
		t.Fatal(err)
	}

	type place struct {
		bucket     string
		key, value []byte
	}
	var places []place
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if err := tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
				places = append(places, place{name, bytes.Clone(k), bytes.Clone(v)})
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	write := func(p place, v []byte) {
		t.Helper()
		if err := s.db.Update(func(tx *bbolt.Tx) error {
			if v == nil {
				return tx.Bucket([]byte(p.bucket)).Delete(p.key)
			}
			return tx.Bucket([]byte(p.bucket)).Put(p.key, v)
		}); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i, p := range places {
		flipped := bytes.Clone(p.value)
		flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
		neighbour := places[(i+1)%len(places)]
		for how, v := range map[string][]byte{
			"a bit flipped": flipped, "zeroed": make([]byte, len(p.value)), "cut short": p.value[:len(p.value)-1],
			"longer": append(bytes.Clone(p.value), 0), "empty": {}, "another's value": neighbour.value, "removed": nil,
		} {
			write(p, v)
			err := s.Check(t.Context(), nil)
			if !errors.Is(err, catalog.ErrDamaged) {
				t.Fatalf("%s, key %x, %s: the check says %v", p.bucket, p.key, how, err)
			}
			if how != "removed" && !strings.Contains(err.Error(), fmt.Sprintf("bucket %s, key %x", p.bucket, p.key)) {
				t.Fatalf("%s, key %x, %s: the check names another place: %v", p.bucket, p.key, how, err)
			}
			if how == "removed" && p.bucket == bucketChanges {
				// Changes cannot know of an entry that vanishes under it; opening does.
				if err := reload(s); !errors.Is(err, catalog.ErrDamaged) {
					t.Fatalf("key %x removed: opening says %v", p.key, err)
				}
			} else {
				served(t, truth, everything(s, documents), p.bucket+" "+how)
			}
			write(p, p.value)
		}
	}
	served(t, truth, everything(s, documents), "restored")
	if err := s.Check(t.Context(), nil); err != nil {
		t.Fatalf("restored: %v", err)
	}
}

// reload does what opening does.
func reload(s *Store) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err == nil {
			_, err = load(tx, st)
		}
		return err
	})
}

// served fails the test if something was answered that is neither the truth nor an error
// that says the data is damaged.
func served(t *testing.T, truth, got map[string]string, how string) {
	t.Helper()
	for name, answer := range got {
		if answer != truth[name] && !strings.Contains(answer, catalog.ErrDamaged.Error()) && name != "counts" {
			t.Fatalf("%s: %s is served as\n%s\nthe truth is\n%s", how, name, answer, truth[name])
		}
	}
}

// TestValuesInTheWrongPlace exchanges values that are sealed for the place they are put in:
// what they say of themselves must still give them away.
func TestValuesInTheWrongPlace(t *testing.T) {
	s, err := Open(file(t), Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sample(t, s, 2, 0, 3)
	truth := everything(s, 2)
	newest := pin(t, s, 0)
	d, err := newest.Documents(t.Context(), view(t, newest), []catalog.DocumentID{{Source: "handbook", ID: "doc0"}, {Source: "handbook", ID: "doc1"}})
	if err != nil {
		t.Fatal(err)
	}
	first, second, other := rowKey(d[0].Rows.First), rowKey(d[0].Rows.First+1), rowKey(d[1].Rows.First)
	for name, c := range map[string]struct {
		bucket   string
		from, to []byte // nothing is at from: a payload of its own
	}{
		"another ordinal":          {bucketPassages, second, first},
		"another document":         {bucketPassages, other, first},
		"a vector without passage": {bucketVectors, first, second},
		"a text nobody has":        {bucketTexts, nil, textKey(1, idKey(catalog.DocumentID{Source: "handbook", ID: "never"}))},
		"a row nobody has":         {bucketPassages, first, rowKey(0)},
	} {
		var was []byte
		if err := s.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(c.bucket))
			was = bytes.Clone(b.Get(c.to))
			var payload []byte
			if c.from != nil {
				payload = bytes.Clone(b.Get(c.from)[overhead:])
			}
			return b.Put(c.to, seal(c.bucket, c.to, payload))
		}); err != nil {
			t.Fatal(err)
		}
		served(t, truth, everything(s, 2), name)
		if err := s.Check(t.Context(), nil); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("%s: the check says %v", name, err)
		}
		if err := s.db.Update(func(tx *bbolt.Tx) error {
			if b := tx.Bucket([]byte(c.bucket)); was != nil {
				return b.Put(c.to, was)
			} else {
				return b.Delete(c.to)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Check(t.Context(), nil); err != nil {
		t.Fatalf("restored: %v", err)
	}
}
