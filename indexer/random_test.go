package indexer_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
)

// now is about when the grants of these tests begin and end.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// generator makes everything that is random here, from one seed, out of few choices.
type generator struct {
	*rand.Rand
	versions map[catalog.DocumentID]int64
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0x696e646578)), versions: map[catalog.DocumentID]int64{}}
}

var (
	sources    = []string{"handbook", "wiki"}
	people     = []acl.Principal{"user:local/ada", "user:local/ben", "user:local/cleo"}
	groups     = []acl.Principal{"group:staff", "group:legal"}
	containers = []string{"top", "top/open", "loop", "loop/back"}
	parents    = map[string]string{"top/open": "top", "loop": "loop/back", "loop/back": "loop"}
)

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) document() catalog.DocumentID {
	return catalog.DocumentID{Source: pick(g, sources...), ID: fmt.Sprintf("d%d", g.IntN(12))}
}

func (g *generator) policy() *acl.Policy {
	if g.chance(15) {
		return nil
	}
	p := &acl.Policy{Inherit: acl.Inherit(g.IntN(3))}
	for range pick(g, 0, 1, 1, 1, 2) {
		l := acl.Layer{Allow: []acl.Grant{g.grant(), g.grant()}}
		if g.chance(30) {
			l.Deny = []acl.Grant{g.grant()}
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

// instant is one of a few around now, nanoseconds and hours apart.
func (g *generator) instant() time.Time {
	return now.Add(time.Duration(g.IntN(5)-2) * pick(g, time.Nanosecond, time.Hour))
}

func (g *generator) grant() acl.Grant {
	grant := acl.Grant{Principal: pick(g, append(append(people, groups...), acl.Everyone)...)}
	if g.chance(30) {
		grant.NotBefore = g.instant()
	}
	if g.chance(30) {
		grant.NotAfter = g.instant()
	}
	return grant
}

func (g *generator) access() catalog.AccessPatch {
	a := catalog.AccessPatch{Policy: g.policy()}
	if g.chance(60) {
		c := pick(g, append(containers, "unknown", "")...)
		a.Container = &c
	}
	if g.chance(30) {
		s := pick(g, "public", "internal", "restricted")
		a.Sensitivity = &s
	}
	return a
}

// mutation is one line of a feed, as Prepare leaves it.
func (g *generator) mutation() catalog.Mutation {
	id := g.document()
	switch n := g.IntN(100); {
	case n < 10:
		name := pick(g, containers...)
		return catalog.PutContainer{Container: catalog.Container{
			DocumentID: catalog.DocumentID{Source: pick(g, sources...), ID: name}, Parent: parents[name], Policy: g.policy(),
		}}
	case n < 30:
		return catalog.PutAccess{Document: id, Access: g.access()}
	case n < 45:
		return catalog.DeleteDocument{Document: id, Version: g.versions[id]}
	case n < 50:
		return catalog.PutGroup{Group: pick(g, groups...), Members: []acl.Principal{pick(g, people...), pick(g, groups...)}}
	case n < 52:
		return catalog.PutSource{Source: pick(g, sources...), Settings: catalog.SourceSettings{AccessBound: pick(g, 0, 1, time.Hour)}}
	}
	g.versions[id]++
	put := catalog.PutDocument{
		Document: catalog.Document{
			DocumentID: id, Version: g.versions[id], Title: strings.ToUpper(id.ID), Owner: pick(g, people...),
			Labels: map[string]string{"team": pick(g, "north", "south")},
		},
		Access: g.access(),
	}
	for g.chance(40) {
		put.Document.Supersedes = append(put.Document.Supersedes, g.document())
	}
	for range g.IntN(4) {
		put.Passages = append(put.Passages, catalog.Passage{Text: fmt.Sprintf("words %d", g.IntN(5))})
	}
	return put
}

func (g *generator) caller() acl.Identity {
	id := acl.Identity{
		User: pick(g, people...), App: "service:desk", Guest: g.chance(20), Clearance: acl.DefaultScale.UpTo(pick(g, "public", "internal", "restricted")),
		Scope: acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("restricted")},
	}
	if g.chance(20) {
		id.Scope.AllSources, id.Scope.Sources = false, []string{pick(g, sources...)}
	}
	return id
}

// store is a catalog in memory with shorthand.
type store struct {
	*catalogtest.Memory
	testing.TB
}

func newStore(t testing.TB) store { return store{catalogtest.NewMemory(), t} }

// commit commits the mutations and returns the changes that this made.
func (s store) commit(mutations ...catalog.Mutation) (changes []catalog.Change, to catalog.Revision) {
	s.Helper()
	before := s.head()
	if _, err := s.Commit(s.Context(), catalog.Commit{Mutations: mutations, At: now}); err != nil {
		s.Fatal(err)
	}
	return s.changes(before), s.head()
}

func (s store) head() catalog.Revision {
	snapshot, err := s.Snapshot(s.Context(), 0)
	if err != nil {
		s.Fatal(err)
	}
	defer snapshot.Close()
	return snapshot.Revision()
}

func (s store) changes(after catalog.Revision) (list []catalog.Change) {
	s.Helper()
	for c, err := range s.Changes(s.Context(), after, catalog.Contents) {
		if err != nil {
			s.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// view is what the caller may read at the instant.
func (s store) view(caller acl.Identity, at time.Time) acl.View {
	s.Helper()
	snapshot, err := s.Snapshot(s.Context(), 0)
	if err != nil {
		s.Fatal(err)
	}
	defer snapshot.Close()
	view, err := snapshot.View(caller, at)
	if err != nil {
		s.Fatal(err)
	}
	return view
}

// person is an identity with the clearance that tokens give by default.
func person(name string) acl.Identity {
	c := acl.DefaultScale.UpTo(acl.DefaultSensitivity)
	return acl.Identity{
		User: acl.Principal("user:local/" + name), App: "service:desk", Clearance: c,
		Scope: acl.Scope{AllSources: true, Clearance: c},
	}
}

// readable is access for the principals.
func readable(by ...acl.Principal) catalog.AccessPatch {
	p := &acl.Policy{Layers: []acl.Layer{{}}}
	for _, name := range by {
		p.Layers[0].Allow = append(p.Layers[0].Allow, acl.Grant{Principal: name})
	}
	return catalog.AccessPatch{Policy: p}
}

// page is a prepared document of one passage that everyone may read.
func page(id string, version int64, text string) catalog.PutDocument {
	return catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: id}, Version: version, Title: id},
		Text:     text, Passages: []catalog.Passage{{Text: text}}, Access: readable(acl.Everyone),
	}
}
