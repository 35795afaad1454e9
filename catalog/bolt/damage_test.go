package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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
			catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "gone"}, Version: version},
		)
		_, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, At: time.Unix(version, 0), Record: func(r catalog.Revision, i int, _ catalog.Outcome) []byte {
			return fmt.Append(nil, "record ", r, " ", i)
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
	changes := 0
	for c, err := range s.Changes(ctx, 0) {
		changes++
		switch {
		case err != nil || c.Document == nil:
			note(fmt.Sprint("change ", changes), fmt.Sprint(c.Revision, c.Container, c.Group), err)
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

// TestDamagedPages overwrites random bytes and pages of the file itself. Whatever then
// opens serves the truth or ErrDamaged, and where anything is missing the check says so.
func TestDamagedPages(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{noSync: true})
	if err != nil {
		t.Fatal(err)
	}
	const documents = 40
	sample(t, s, documents, 0, 2)
	earlier, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, documents, 2, 3)
	truth := everything(s, documents)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	random := rand.New(rand.NewPCG(3, 4))
	refused, found, harmless := 0, 0, 0
	for round := range 200 {
		content := bytes.Clone(whole)
		at := 2*page + random.IntN(len(content)-3*page)
		how := ""
		switch round % 5 {
		case 0:
			how = "a bit flipped"
			content[at] ^= 1 << random.IntN(8)
		case 1:
			how = "random bytes"
			for i := range random.IntN(200) + 1 {
				content[at+i] = byte(random.Uint32())
			}
		case 2:
			how = "a page zeroed"
			clear(content[at/page*page:][:page])
		case 3:
			how = "a page in another's place"
			other := 2 + random.IntN(len(content)/page-3)
			copy(content[at/page*page:][:page], whole[other*page:][:page])
		case 4:
			how = "a page never written"
			at = 2*page + random.IntN(len(earlier)-3*page)
			copy(content[at/page*page:][:page], earlier[at/page*page:][:page])
		}
		how = fmt.Sprintf("round %d, %s at %d", round, how, at)
		damaged := file(t)
		if err := os.WriteFile(damaged, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(damaged, Options{noSync: true})
		if err != nil {
			if !errors.Is(err, catalog.ErrDamaged) {
				t.Fatalf("%s: %v", how, err)
			}
			refused++
			continue
		}
		got := everything(s, documents)
		served(t, truth, got, how)
		checked := s.Check(t.Context(), nil)
		switch {
		case checked != nil && !errors.Is(checked, catalog.ErrDamaged):
			t.Fatalf("%s: the check says %v", how, checked)
		case checked != nil:
			found++
		case fmt.Sprint(got) != fmt.Sprint(truth):
			t.Fatalf("%s: something is missing and the check finds nothing wrong", how)
		default:
			harmless++
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d refused at opening, %d found by the check, %d harmless", refused, found, harmless)
	if found == 0 {
		t.Fatal("no damage was found: the test damages nothing")
	}
}
