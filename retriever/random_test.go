package retriever_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// generator makes worlds at random from a seed. Its choices are few, so that texts,
// values and policies often meet: there a hidden document could change what is shown.
type generator struct {
	*rand.Rand
	versions map[catalog.DocumentID]int64
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0x6465736b)), versions: map[catalog.DocumentID]int64{}}
}

var (
	sources    = []string{"handbook", "wiki"}
	groups     = []acl.Principal{"group:staff", "group:legal", "group:crew", "group:leads"}
	people     = []acl.Principal{"user:local/ada", "user:local/ben", "user:local/cleo"}
	containers = []string{"top", "top/open", "top/closed", "island"}
	subjects   = []string{"parental leave", "travel costs", "ticket refunds", "night shifts", "ferry repairs"}
	fillers    = strings.Fields("harbour manager receipt approval budget winter summer contract office training safety captain vessel deck passenger insurance")
)

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// directory nests the groups at random, cycles included.
func (g *generator) directory() (list []catalog.Mutation) {
	for _, group := range groups {
		var members []acl.Principal
		for range g.IntN(4) {
			members = append(members, pick(g, append(people, groups...)))
		}
		list = append(list, catalog.PutGroup{Group: group, Members: members})
	}
	return list
}

func (g *generator) container() catalog.PutContainer {
	c := catalog.Container{DocumentID: catalog.DocumentID{Source: pick(g, sources), ID: pick(g, containers)}, Policy: g.policy()}
	if c.ID != "top" && c.ID != "island" {
		c.Parent = "top"
	}
	return catalog.PutContainer{Container: c}
}

func (g *generator) policy() *acl.Policy {
	if g.chance(15) {
		return nil
	}
	p := &acl.Policy{Inherit: acl.Inherit(g.IntN(3))}
	for range pick(g, []int{0, 1, 1, 1, 1, 1, 2}) {
		l := acl.Layer{Allow: []acl.Grant{g.grant(), g.grant()}}
		if g.chance(25) {
			l.Deny = append(l.Deny, g.grant())
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

func (g *generator) grant() acl.Grant {
	grant := acl.Grant{Principal: pick(g, append(append(groups, people...), acl.Everyone))}
	switch g.IntN(8) {
	case 0:
		grant.NotAfter = now.Add(time.Duration(g.IntN(5)-2) * time.Millisecond)
	case 1:
		grant.NotBefore = now.Add(time.Duration(g.IntN(5)-2) * time.Millisecond)
	}
	return grant
}

func (g *generator) access() catalog.AccessPatch {
	a := catalog.AccessPatch{Policy: g.policy()}
	if g.chance(60) {
		c := pick(g, append(containers, "unknown", ""))
		a.Container = &c
	}
	if g.chance(30) {
		s := pick(g, []string{"public", "internal", "internal", "restricted"})
		a.Sensitivity = &s
	}
	return a
}

func (g *generator) id() catalog.DocumentID {
	return catalog.DocumentID{Source: pick(g, sources), ID: pick(g, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}) + ".md"}
}

// other is a document but for that one.
func (g *generator) other(id catalog.DocumentID) catalog.DocumentID {
	for {
		if other := g.id(); other != id {
			return other
		}
	}
}

// text is a page about the subject. Pages on one subject say the same things with other
// values, as versions and copies do.
func (g *generator) text(subject string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Opening words on %s for everybody.\n\n# %s\n\n", subject, subject)
	for i, about := range []string{"allowance", "notice period", "appeal"} {
		if i > 0 {
			fmt.Fprintf(&b, "\n\n## %s\n\n", about)
		}
		fmt.Fprintf(&b, "The %s for %s is %d days after approval by the manager. ", about, subject, pick(g, []int{10, 14, 30}))
		fmt.Fprintf(&b, "Staff may claim at most %d euros for %s in one year.", pick(g, []int{100, 250}), subject)
		for range g.IntN(8) {
			b.WriteString(" " + pick(g, fillers))
		}
	}
	if g.chance(8) {
		b.WriteString(" indigestible")
	}
	return b.String()
}

// step is one line of the feed.
func (g *generator) step() catalog.Mutation {
	id := g.id()
	switch n := g.IntN(100); {
	case n < 8:
		return g.container()
	case n < 20:
		return catalog.PutAccess{Document: id, Access: g.access()}
	case n < 28:
		return catalog.DeleteDocument{Document: id, Version: g.versions[id]}
	case n < 30:
		return catalog.PutSource{Source: pick(g, sources), Settings: catalog.SourceSettings{
			ReviewInterval: time.Duration(g.IntN(3)) * 24 * time.Hour * 120, Cadence: time.Duration(g.IntN(3)) * 30 * time.Minute,
		}}
	}
	g.versions[id]++
	subject := pick(g, subjects)
	put := catalog.PutDocument{
		Document: catalog.Document{
			DocumentID: id, Version: g.versions[id], Title: subject, MIME: "text/markdown", Owner: pick(g, groups),
			Labels: map[string]string{"team": pick(g, []string{"north", "south"})},
			// Few dates, so that some are within a second of each other.
			Modified:       now.Add(-time.Duration(g.IntN(4))*24*time.Hour*90 + time.Duration(g.IntN(3))*time.Millisecond),
			ReviewInterval: pick(g, []time.Duration{0, 24 * time.Hour * 100, 24 * time.Hour * 365}),
		},
		Text: g.text(subject), Access: g.access(),
	}
	d := &put.Document
	if g.chance(50) {
		d.URI = "https://pages.example/" + strings.ReplaceAll(subject, " ", "-")
	}
	if g.chance(30) {
		d.Verified = catalog.Verification{By: pick(g, people), At: now.Add(-24 * time.Hour * 10)}
	}
	if g.chance(15) {
		d.ValidUntil = now.Add(time.Duration(g.IntN(3)-1) * time.Hour)
	}
	if g.chance(15) {
		if from := now.Add(time.Duration(g.IntN(5)-3) * time.Hour / 2); d.ValidUntil.IsZero() || from.Before(d.ValidUntil) {
			d.ValidFrom = from
		}
	}
	for g.chance(30) {
		if old := g.id(); old != id {
			d.Supersedes = append(d.Supersedes, old)
		}
	}
	switch g.IntN(12) {
	case 0:
		d.SupersededBy = append(d.SupersededBy, catalog.DocumentID{Source: pick(g, sources), ID: "m.md"}, g.other(id))
	case 1:
		put.Text = fmt.Sprintf("This page has been replaced by [another](%s).\n\n%s", g.other(id).ID, put.Text)
	case 2:
		put.Text = fmt.Sprintf("---\nsupersedes: %s\n---\n%s", g.other(id).ID, put.Text)
	case 3:
		put.Text = "Superseded by https://pages.example/parental-leave\n\n" + put.Text
	}
	if g.chance(20) {
		d.VectorSpace = "brought/2"
		for text := range strings.SplitSeq(put.Text, "\n\n") {
			put.Passages = append(put.Passages, catalog.Passage{Text: text, Vector: g.vector()})
		}
	}
	return put
}

// vector is one of few directions.
func (g *generator) vector() []float32 {
	return []float32{float32(1 + g.IntN(4)), float32(1 + g.IntN(4))}
}

func (g *generator) caller() acl.Identity {
	id := acl.Identity{
		User: pick(g, people), App: "service:desk", Guest: g.chance(10),
		Clearance: acl.DefaultScale.UpTo(pick(g, []string{"public", "internal", "restricted"})),
		Scope:     acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("restricted")},
	}
	if g.chance(20) {
		id.Scope.AllSources, id.Scope.Sources = false, []string{pick(g, sources)}
	}
	return id
}

func (g *generator) request() retriever.Request {
	q := pick(g, subjects)
	for g.chance(60) {
		q += " " + pick(g, fillers)
	}
	if g.chance(20) {
		q += " 14 days"
	}
	r := retriever.Request{ID: "request", Query: q, Limit: pick(g, []int{1, 3, 10, 40})}
	if len(q)%3 == 0 { // no draw, which would change all worlds
		r.From = r.Limit
	}
	if g.chance(25) {
		r.Vector = &retriever.Vector{Space: "brought/2", Values: g.vector()}
	}
	if g.chance(15) {
		r.Filter.Sources = []string{pick(g, sources)}
	}
	if g.chance(15) {
		r.Filter.Containers = []catalog.DocumentID{{Source: pick(g, sources), ID: pick(g, containers)}}
	}
	if g.chance(15) {
		r.Filter = indexer.Filter{Labels: map[string]string{"team": "north"}}
	}
	g.trust(&r)
	return r
}

// trust restricts a request by what documents are, or asks about another day.
func (g *generator) trust(r *retriever.Request) {
	around := func() time.Time { return now.Add(time.Duration(g.IntN(9)-6) * 24 * time.Hour * 45) }
	if g.chance(10) {
		r.Filter.Trust = indexer.CurrentOnly + indexer.Trust(g.IntN(2))
	}
	if g.chance(10) {
		for range 1 + g.IntN(3) {
			r.Filter.States = append(r.Filter.States, freshness.State(g.IntN(7)))
		}
	}
	if g.chance(15) {
		r.AsOf = around()
	}
	switch g.IntN(25) {
	case 0:
		r.Filter.Modified = indexer.Range{From: around()}
	case 1:
		r.Filter.Modified = indexer.Range{From: around(), Until: around()}
	case 2:
		r.Filter.Verified = indexer.Range{Until: now}
	case 3:
		r.Filter.Synced, r.Filter.ACLSynced = indexer.Range{From: now.AddDate(-10, 0, 0)}, indexer.Range{Until: now.AddDate(90, 0, 0)}
	}
}
