package acl_test

import (
	"testing"
	"time"

	"github.com/muniment/muniment/acl/reference"
)

// The words the golden cases are written in. A layer reads allow("a", "b").but("c").

type grant = reference.Grant

type layer reference.Layer

func allow(principals ...string) (l layer) {
	for _, p := range principals {
		l.Allow = append(l.Allow, grant{Principal: p})
	}
	return l
}

func (l layer) but(principals ...string) layer {
	l.Deny = append(l.Deny, allow(principals...).Allow...)
	return l
}

func (l layer) or(g ...grant) layer    { l.Allow = append(l.Allow, g...); return l }
func (l layer) butIf(g ...grant) layer { l.Deny = append(l.Deny, g...); return l }

func policy(mode reference.Mode, layers ...layer) *reference.Policy {
	p := &reference.Policy{Inherit: mode}
	for _, l := range layers {
		p.Layers = append(p.Layers, reference.Layer(l))
	}
	return p
}

func restrict(layers ...layer) *reference.Policy { return policy(reference.Restrict, layers...) }
func extend(layers ...layer) *reference.Policy   { return policy(reference.Extend, layers...) }
func replace(layers ...layer) *reference.Policy  { return policy(reference.Replace, layers...) }

// chain is a document's policy, then its container's, and so on up to the root.
type chain []*reference.Policy

// unknown at the end of a chain is a container that nobody has heard of.
var unknown = new(reference.Policy)

const (
	ada = "user:corp/ada"
	eve = "user:corp/eve"
)

// golden is one case: may the caller read "hr/doc"? Ada is in group:team, which is in
// group:division, which is in group:company; service:chat is in group:bots.
type golden struct {
	says        string
	chain       chain
	sensitivity string
	caller      reference.Caller // nobody in particular is Ada, cleared for everything
	at          time.Time        // zero is noon
	want        bool
}

func (g golden) world() (reference.World, reference.Caller, time.Time) {
	w := reference.World{
		Groups: map[string][]string{
			"group:team": {ada, "user:corp/guest"}, "group:division": {"group:team"}, "group:company": {"group:division", eve},
			"group:bots": {"service:chat"}, "group:other": {eve},
		},
		Containers: map[string]reference.Node{}, Labels: labels,
	}
	nodes := make([]reference.Node, len(g.chain))
	names := []string{"hr/doc", "folder", "space", "site"}
	for i, p := range g.chain {
		nodes[i].Policy = p
		if i+1 < len(g.chain) {
			nodes[i].Parent = names[i+1]
		}
		if i > 0 && p != unknown {
			w.Containers[names[i]] = nodes[i]
		}
	}
	w.Documents = map[string]reference.Document{"hr/doc": {Node: nodes[0], Sensitivity: g.sensitivity}}
	c, at := g.caller, g.at
	if c.Principal == "" {
		c.Principal = ada
	}
	if c.Clearance == "" {
		c.Clearance = "restricted"
	}
	if c.App == "" {
		c.App = "restricted"
	}
	if at.IsZero() {
		at = noon
	}
	return w, c, at
}

func TestGolden(t *testing.T) {
	for _, section := range []struct {
		name  string
		cases []golden
	}{
		{"principals", principalCases}, {"layers", layerCases}, {"inherit", inheritCases},
		{"containers", containerCases}, {"time", timeCases}, {"sensitivity", sensitivityCases},
	} {
		t.Run(section.name, func(t *testing.T) {
			for _, g := range section.cases {
				t.Run(g.says, func(t *testing.T) {
					w, c, at := g.world()
					if got := viewOf(t, directoryOf(w), identityOf(w, c), at).Admits(accessOf(w, "hr/doc")); got != g.want {
						t.Errorf("Admits = %t, want %t", got, g.want)
					}
					if got := reference.Reads(w, c, "hr/doc", at); got != g.want {
						t.Errorf("the reference says %t, want %t", got, g.want)
					}
				})
			}
		})
	}
}
