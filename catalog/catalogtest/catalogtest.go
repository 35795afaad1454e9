// Package catalogtest holds what every catalog.Store must do, as tests, and a store in
// memory to test against.
//
// The suite is the specification: a store joins by calling Run, and each bug ever found
// in one store becomes a case that all stores must pass. The last cases compare the store
// with naive models of docs/feed.md: small worlds whose events arrive in every order, and
// random histories.
//
// The small worlds are 50 and the histories 10,000, for every store, where the environment
// has MUNIMENT_TEST_LONG=1; otherwise a store may do with a share of them, and -short makes
// it a tenth of that.
package catalogtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Opener opens one store. Called again after the store's Close, it opens the same store,
// with everything in it.
type Opener func() (catalog.Store, error)

// What the long form takes.
const (
	worlds        = 50
	manyHistories = 10_000
)

// Run checks that stores keep the contract of catalog.Store. Each call of fresh is for
// another store, empty at first. Of the small worlds and the many histories it takes one in
// so many as share says.
func Run(t *testing.T, share int, fresh func(t testing.TB) Opener) {
	if testing.Short() {
		share *= 10
	}
	if os.Getenv("MUNIMENT_TEST_LONG") != "" {
		share = 1
	}
	for _, c := range slices.Concat(versionCases, accessCases, containerCases, groupCases, entryCases,
		visibilityCases, commitCases, changeCases, outboxCases, valueCases, lifeCases,
		clockCases, vectorCases, settlementCases, sourceCases, sessionCases, syncCases, guardCases, requestCases, tombstoneCases) {
		t.Run(c.name, func(t *testing.T) { c.run(start(t, fresh(t))) })
	}
	t.Run("Random histories agree with the model", func(t *testing.T) { histories(t, fresh) })
	t.Run("Events end in the same state in every order", func(t *testing.T) { allOrders(t, max(1, worlds/share), fresh) })
	t.Run("Many random histories agree with the model", func(t *testing.T) { briefHistories(t, manyHistories/share, fresh) })
}

// testCase is one sentence of the contract.
type testCase struct {
	name string
	run  func(w *bench)
}

// bench is a store under test, with shorthand.
type bench struct {
	testing.TB
	open  Opener
	store catalog.Store
	now   time.Time
}

func start(t testing.TB, open Opener) *bench {
	w := &bench{TB: t, open: open, now: time.Date(2026, 11, 2, 9, 30, 0, 123456789, time.UTC)}
	w.reopen()
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return w
}

// reopen closes the store and opens it again.
func (w *bench) reopen() {
	w.Helper()
	if w.store != nil {
		w.must(w.store.Close())
	}
	s, err := w.open()
	w.must(err)
	w.store = s
}

func (w *bench) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// same compares two values, nil and empty alike, and times as instants, without the fields
// of passages that are named.
func (w *bench) same(what string, got, want any, but ...string) {
	w.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(catalog.Passage{}, but...)); diff != "" {
		w.Fatalf("%s: (-want +got)\n%s", what, diff)
	}
}

// commit applies the mutations a minute after the last commit.
func (w *bench) commit(ms ...catalog.Mutation) catalog.Committed {
	w.Helper()
	w.now = w.now.Add(time.Minute)
	done, err := w.store.Commit(w.Context(), catalog.Commit{Mutations: ms, At: w.now})
	w.must(err)
	if len(done.Outcomes) != len(ms) {
		w.Fatalf("%d outcomes of %d mutations", len(done.Outcomes), len(ms))
	}
	return done
}

// one commits one mutation that must not be refused, and returns its outcome.
func (w *bench) one(m catalog.Mutation) catalog.Outcome {
	w.Helper()
	o := w.commit(m).Outcomes[0]
	if o.Refused != nil {
		w.Fatalf("%T was refused: %v", m, o.Refused)
	}
	return o
}

// refused commits one mutation, which must be refused so and change nothing.
func (w *bench) refused(m catalog.Mutation, want error) {
	w.Helper()
	before := w.pin(0)
	done := w.commit(m)
	if o := done.Outcomes[0]; o.Refused != want || o.Changed {
		w.Fatalf("%T: refused %v, changed %t; want %v and no change", m, o.Refused, o.Changed, want)
	}
	if done.Revision != before.Revision() {
		w.Fatalf("a refused mutation took revision %d after %d", done.Revision, before.Revision())
	}
}

// pin takes a snapshot for the rest of the test.
func (w *bench) pin(at catalog.Revision) catalog.Snapshot {
	w.Helper()
	n, err := w.store.Snapshot(w.Context(), at)
	w.must(err)
	w.Cleanup(func() { n.Close() })
	return n
}

// Who asks. All are cleared for public and internal alone.
var (
	ada   = person("user:corp/ada")
	bob   = person("user:corp/bob")
	guest = func() acl.Identity { i := person("user:corp/guest"); i.Guest = true; return i }()
)

func person(name acl.Principal) acl.Identity {
	all := acl.DefaultScale.UpTo(acl.DefaultScale.Top())
	return acl.Identity{
		User: name, App: "service:chat", Clearance: acl.DefaultScale.UpTo(acl.DefaultSensitivity),
		Scope: acl.Scope{AllSources: true, Clearance: all},
	}
}

func (w *bench) view(n catalog.Snapshot, who acl.Identity) acl.View {
	w.Helper()
	v, err := n.View(who, w.now)
	w.must(err)
	return v
}

// sees reports whether all reads of the snapshot show the document; they must agree.
func (w *bench) sees(n catalog.Snapshot, who acl.Identity, id catalog.DocumentID) bool {
	w.Helper()
	v := w.view(n, who)
	documents, err := n.Documents(w.Context(), v, []catalog.DocumentID{id})
	w.must(err)
	text, err := n.Text(w.Context(), v, id)
	if len(documents) == 0 {
		if text != "" || !is(err, catalog.ErrNotFound) {
			w.Fatalf("%v: no document, but the text %q, %v", id, text, err)
		}
		for version := range int64(8) {
			passages, err := n.Passages(w.Context(), v, []catalog.PassageID{{Document: id, Version: version}})
			w.must(err)
			if len(passages) > 0 {
				w.Fatalf("%v: no document, but a passage of version %d", id, version)
			}
		}
		return false
	}
	w.must(err)
	d := documents[0]
	if sha256.Sum256([]byte(text)) != d.ContentHash {
		w.Fatalf("%v: the text %q is another than the document's", id, text)
	}
	passages, err := n.Passages(w.Context(), v, []catalog.PassageID{{Document: id, Version: d.Version}})
	w.must(err)
	if len(passages) != 1 || passages[0].Text != text || passages[0].Row != d.Rows.First {
		w.Fatalf("%v: passages %+v of the text %q, rows %+v", id, passages, text, d.Rows)
	}
	return true
}

// expect checks who sees the document at the newest revision: ada, bob.
func (w *bench) expect(id catalog.DocumentID, byAda, byBob bool) {
	w.Helper()
	n := w.pin(0)
	if got := w.sees(n, ada, id); got != byAda {
		w.Fatalf("ada sees %v: %t, want %t", id, got, byAda)
	}
	if got := w.sees(n, bob, id); got != byBob {
		w.Fatalf("bob sees %v: %t, want %t", id, got, byBob)
	}
}

func name(id string) catalog.DocumentID { return catalog.DocumentID{Source: "handbook", ID: id} }

// put is a document line whose text is one passage.
func put(id string, version int64, text string, edit ...func(*catalog.PutDocument)) catalog.PutDocument {
	m := catalog.PutDocument{
		Document: catalog.Document{DocumentID: name(id), Version: version},
		Text:     text,
		Passages: []catalog.Passage{{Text: text, Vector: []float32{0.6, 0.8}}},
	}
	for _, e := range edit {
		e(&m)
	}
	hash(&m)
	return m
}

// hash fills the hashes of a line.
func hash(m *catalog.PutDocument) {
	d := &m.Document
	d.ContentHash = sha256.Sum256([]byte(m.Text))
	d.LineHash = sha256.Sum256(fmt.Appendf(nil, "%q %q %v %v %v", m.Text, d.Title, d.Verified, d.Labels, d.Supersedes))
}

// with gives a document line access fields.
func with(version int64, p *acl.Policy) func(*catalog.PutDocument) {
	return func(m *catalog.PutDocument) { m.Access = catalog.AccessPatch{Version: version, Policy: p} }
}

// access is an access line with a policy.
func access(id string, version int64, p *acl.Policy) catalog.PutAccess {
	return catalog.PutAccess{Document: name(id), Access: catalog.AccessPatch{Version: version, Policy: p}}
}

// within is an access line with a container.
func within(id string, version int64, container string) catalog.PutAccess {
	return catalog.PutAccess{Document: name(id), Access: catalog.AccessPatch{Version: version, Container: &container}}
}

// readers is a policy that names who may read.
func readers(who ...acl.Principal) *acl.Policy {
	l := acl.Layer{}
	for _, p := range who {
		l.Allow = append(l.Allow, acl.Grant{Principal: p})
	}
	return &acl.Policy{Layers: []acl.Layer{l}}
}
