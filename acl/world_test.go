package acl_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/catalog"
)

// Worlds are written in the reference's words and translated here into what the product
// decides on, so that a case is stated once and both evaluators answer it.

// noon is the instant the cases of this package turn around.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func principals(names []string) []acl.Principal {
	out := make([]acl.Principal, len(names)) // not nil: a group without members is a group
	for i, n := range names {
		out[i] = acl.Principal(n)
	}
	return out
}

func directoryOf(w reference.World) *acl.Directory {
	var changes []acl.Change
	for _, g := range slices.Sorted(maps.Keys(w.Groups)) {
		changes = append(changes, acl.Change{Group: acl.Principal(g), Members: principals(w.Groups[g])})
	}
	return new(acl.Directory).With(changes...)
}

func grantsOf(grants []reference.Grant) (out []acl.Grant) {
	for _, g := range grants {
		out = append(out, acl.Grant{Principal: acl.Principal(g.Principal), NotBefore: g.NotBefore, NotAfter: g.NotAfter})
	}
	return out
}

var modeOf = map[reference.Mode]acl.Inherit{
	reference.Restrict: acl.Restrict, reference.Extend: acl.Extend, reference.Replace: acl.Replace,
}

func policyOf(p *reference.Policy) *acl.Policy {
	if p == nil {
		return nil
	}
	out := &acl.Policy{Inherit: modeOf[p.Inherit]}
	for _, l := range p.Layers {
		out.Layers = append(out.Layers, acl.Layer{Allow: grantsOf(l.Allow), Deny: grantsOf(l.Deny)})
	}
	return out
}

// accessOf goes the way of the product, through the catalog's chain. A document's source
// is its id up to the first slash.
func accessOf(w reference.World, id string) acl.Access {
	d := w.Documents[id]
	stored := catalog.Document{Access: catalog.Access{Policy: policyOf(d.Policy), Container: d.Parent, Sensitivity: d.Sensitivity}}
	chain, dangling := stored.Chain(func(id string) (catalog.Container, bool) {
		c, known := w.Containers[id]
		return catalog.Container{Parent: c.Parent, Policy: policyOf(c.Policy)}, known
	})
	return acl.Access{Chain: chain, Dangling: dangling, Source: sourceOf(id), Sensitivity: stored.Access.Label()}
}

func sourceOf(id string) string {
	source, _, _ := strings.Cut(id, "/")
	return source
}

// identityOf reaches the sources named, all of them if none is.
func identityOf(w reference.World, c reference.Caller, sources ...string) acl.Identity {
	scale := acl.Scale(w.Labels)
	return acl.Identity{
		User: acl.Principal(c.Principal), App: "service:desk", Guest: c.Guest, Clearance: scale.UpTo(c.Clearance),
		Scope: acl.Scope{AllSources: len(sources) == 0, Sources: sources, Clearance: scale.UpTo(c.App)},
	}
}

func viewOf(t testing.TB, d *acl.Directory, id acl.Identity, at time.Time) acl.View {
	t.Helper()
	v, err := d.View(id, at)
	if err != nil {
		t.Fatalf("view of %s: %v", id.User, err)
	}
	return v
}

// anyone is an identity that clearance and scope never stop.
func anyone(user acl.Principal) acl.Identity {
	all := acl.DefaultScale.UpTo(acl.DefaultScale.Top())
	return acl.Identity{User: user, App: "service:desk", Clearance: all, Scope: acl.Scope{AllSources: true, Clearance: all}}
}

// is reports whether p is one of the view's principals, by asking for a document that
// only p may read.
func is(v acl.View, p acl.Principal) bool {
	only := &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: p}}}}}
	return v.Admits(acl.Access{Chain: []*acl.Policy{only}, Sensitivity: "public"})
}

// instants are all the bounds that grants of random worlds have. Decisions are asked for
// at them and one nanosecond to either side.
var instants = []time.Time{noon, noon.Add(time.Nanosecond), noon.Add(time.Second), noon.Add(time.Hour)}

// dice makes random worlds that are small, so that names collide, groups and containers
// run in circles, and one world decides in both directions.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 7600))} }

func (r dice) one(of ...string) string { return of[r.IntN(len(of))] }

func (r dice) chance(percent int) bool { return r.IntN(100) < percent }

var (
	people   = []string{"user:corp/ada", "user:corp/bob", "user:local/ada", "user:corp/Ada"}
	services = []string{"service:chat", "service:desk"}
	groups   = []string{"group:a", "group:b", "group:c", "group:d", "group:e"}
	folders  = []string{"f0", "f1", "f2", "f3", "f4"}
	labels   = []string{"public", "internal", "confidential", "restricted"}
)

// world is random; its documents lie in the sources hr and wiki.
func (r dice) world() reference.World {
	w := reference.World{
		Groups: map[string][]string{}, Containers: map[string]reference.Node{}, Documents: map[string]reference.Document{}, Labels: labels,
	}
	// Everyone is missing here on purpose: it is no member of any group, and ingestion refuses it as one.
	everybody := slices.Concat(people, services, groups, groups)
	for _, g := range groups[:r.IntN(len(groups)+1)] {
		for range r.IntN(4) {
			w.Groups[g] = append(w.Groups[g], r.one(everybody...))
		}
	}
	for _, f := range folders[:1+r.IntN(len(folders))] {
		w.Containers[f] = r.node()
	}
	for i := range 5 {
		d := reference.Document{Node: r.node()}
		if r.chance(60) {
			d.Sensitivity = r.one(append(labels[:2:2], "secret", labels[r.IntN(4)], "public", "public")...)
		}
		w.Documents[fmt.Sprintf("%s/%d", r.one("hr", "wiki"), i)] = d
	}
	return w
}

func (r dice) node() (n reference.Node) {
	if r.chance(55) {
		n.Parent = r.one(folders...)
	}
	if r.chance(70) {
		n.Policy = r.policy()
	}
	return n
}

func (r dice) policy() *reference.Policy {
	p := &reference.Policy{Inherit: reference.Mode(r.IntN(3))}
	for range []int{0, 1, 1, 1, 1, 1, 1, 1, 2, 3}[r.IntN(10)] {
		var l reference.Layer
		for range 1 + r.IntN(4) {
			l.Allow = append(l.Allow, r.grant("everyone", "everyone", "everyone", "everyone"))
		}
		for range []int{0, 0, 0, 1, 2}[r.IntN(5)] {
			l.Deny = append(l.Deny, r.grant())
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

func (r dice) grant(also ...string) (g reference.Grant) {
	g.Principal = r.one(slices.Concat(people[:3], groups, services[:1], []string{"everyone"}, also)...)
	if r.chance(25) {
		g.NotBefore = instants[r.IntN(len(instants))]
	}
	if r.chance(25) {
		g.NotAfter = instants[r.IntN(len(instants))] // also before it begins
	}
	return g
}

func (r dice) caller() (c reference.Caller) {
	c.Principal = r.one(people...)
	if r.chance(15) {
		c.Principal, c.Service = r.one(services...), true
	}
	c.Guest = r.chance(15)
	c.Clearance, c.App = "restricted", "restricted"
	if r.chance(25) {
		c.Clearance = r.one("confidential", "internal", "public", "", "secret")
	}
	if r.chance(25) {
		c.App = r.one("confidential", "internal", "public", "", "secret")
	}
	return c
}

func (r dice) instant() time.Time {
	return instants[r.IntN(len(instants))].Add(time.Duration(r.IntN(3) - 1))
}
