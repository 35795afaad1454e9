package indextest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// generator makes everything that is random in a world, from one seed. Its choices are
// few, so that words, policies, scores and whole texts often coincide: that is where
// order is decided by ties and statistics by a single document.
type generator struct {
	*rand.Rand
	texts   []string
	vectors [][]float32
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0x6d756e696d656e74))}
}

// words are alike under no stemmer and stop words under no list.
var words = strings.Fields(`amber basalt cobalt dolomite emerald flint garnet hematite indigo jasper krypton
	lapis marble neon onyx pyrite quartz ruby sapphire topaz umber vanadium wolfram xenon yttrium zircon`)

// now is the instant of every view in the suite.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// word favours the first words, as languages do.
func (g *generator) word() string {
	return words[int(float64(len(words))*math.Pow(g.Float64(), 2.5))]
}

func (g *generator) text() string {
	if len(g.texts) > 0 && g.chance(20) {
		return pick(g, g.texts)
	}
	w := make([]string, 1+g.IntN(12))
	for i := range w {
		w[i] = g.word()
	}
	g.texts = append(g.texts, strings.Join(w, " "))
	return g.texts[len(g.texts)-1]
}

// question asks for some words, among them ones that nobody or hardly anybody uses.
func (g *generator) question() string {
	w := []string{g.word()}
	for g.chance(60) {
		w = append(w, g.word())
	}
	if g.chance(30) {
		w = append(w, pick(g, words))
	}
	if g.chance(10) {
		w = append(w, "unobtainium")
	}
	return strings.Join(w, " ")
}

// vector is of unit length, and now and then one that has been there before.
func (g *generator) vector() []float32 {
	if len(g.vectors) > 0 && g.chance(20) {
		return pick(g, g.vectors)
	}
	v := make([]float32, Dimensions)
	sum := 0.0
	for i := range v {
		v[i] = float32(g.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	g.vectors = append(g.vectors, v)
	return v
}

var (
	sources    = []string{"handbook", "wiki"}
	users      = []acl.Principal{"user:local/ada", "user:local/ben", "user:local/cleo", "user:local/dan"}
	groups     = []acl.Principal{"group:staff", "group:legal", "group:ops", "group:leads", "group:guests"}
	containers = []string{"top", "top/open", "top/closed", "island"}
)

func (g *generator) principal() acl.Principal {
	switch n := g.IntN(10); {
	case n < 1:
		return acl.Everyone
	case n < 4:
		return pick(g, users)
	default:
		return pick(g, groups)
	}
}

func (g *generator) grant() acl.Grant {
	grant := acl.Grant{Principal: g.principal()}
	switch g.IntN(8) {
	case 0:
		grant.NotAfter = now.Add(time.Duration(g.IntN(3)-1) * time.Hour)
	case 1:
		grant.NotBefore = now.Add(time.Duration(g.IntN(3)-1) * time.Hour)
	}
	return grant
}

// policy is nil at times, and at times one without layers.
func (g *generator) policy() *acl.Policy {
	if g.chance(20) {
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

func (g *generator) access() catalog.Access {
	a := catalog.Access{Policy: g.policy(), Sensitivity: pick(g, []string{"", "", "", "public", "internal", "restricted"})}
	if g.chance(60) {
		a.Container = pick(g, append(containers, "unknown"))
	}
	return a
}

// directory nests the groups at random, cycles included.
func (g *generator) directory() *acl.Directory {
	d := &acl.Directory{}
	for _, group := range groups {
		var members []acl.Principal
		for range g.IntN(4) {
			members = append(members, pick(g, append(users, groups...)))
		}
		d = d.With(acl.Change{Group: group, Members: members})
	}
	return d
}

func (g *generator) caller() acl.Identity {
	id := acl.Identity{
		User: pick(g, users), App: "service:app", Guest: g.chance(10),
		Clearance: acl.DefaultScale.UpTo(pick(g, []string{"public", "internal", "restricted", "restricted"})),
		Scope:     acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("restricted")},
	}
	if g.chance(20) {
		id.Scope.AllSources, id.Scope.Sources = false, []string{pick(g, sources)}
	}
	return id
}

func (g *generator) documentID() catalog.DocumentID {
	return catalog.DocumentID{Source: pick(g, sources), ID: fmt.Sprintf("d%02d", g.IntN(40))}
}
