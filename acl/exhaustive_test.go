package acl_test

import (
	"fmt"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/internal/prove"
)

// Every policy that can be written with few names, on every chain of up to three nodes,
// for every sort of caller: what random worlds meet often, these meet without exception.

// memberships are ways in which up to three groups can nest around Ada: not at all, directly,
// through each other, in a diamond and in a circle.
var memberships = []map[string][]string{
	{},
	{"group:g": {ada}},
	{"group:g": {"group:h"}, "group:h": {ada}},
	{"group:g": {ada, "group:h"}, "group:h": {ada}},
	{"group:g": {"group:h"}, "group:h": {"group:g", ada}},
	{"group:g": {"group:h", "group:g"}, "group:h": {"group:g"}}, // nobody inside
	{"group:g": {"group:h"}, "group:h": {"group:i"}, "group:i": {ada}},
	{"group:g": {"group:h", "group:i"}, "group:h": {"group:i"}, "group:i": {"group:g", ada}},
}

var callers = []caller{
	{Principal: ada}, {Principal: ada, Guest: true}, {Principal: eve}, {Principal: "service:chat", Service: true},
}

// layersOver lists each choice of an allow and a deny, "" standing for none.
func layersOver(allows, denies []string) (all []layer) {
	for _, a := range allows {
		for _, d := range denies {
			var l layer
			if a != "" {
				l = allow(a)
			}
			if d != "" {
				l = l.but(d)
			}
			all = append(all, l)
		}
	}
	return all
}

// policiesOver lists no policy, and in every mode the policy without layers, with each
// layer and, if pairs, with each pair of layers.
func policiesOver(layers []layer, pairs bool) chain {
	all := chain{nil}
	for _, mode := range []reference.Mode{reference.Restrict, reference.Extend, reference.Replace} {
		all = append(all, policy(mode))
		for i, a := range layers {
			all = append(all, policy(mode, a))
			for _, b := range layers[i+1:] {
				if pairs {
					all = append(all, policy(mode, a, b))
				}
			}
		}
	}
	return all
}

func TestEveryChain(t *testing.T) {
	some := []string{"", ada, "group:g", "group:h", "everyone"}
	wide := policiesOver(layersOver(some, some), false)
	paired := policiesOver(layersOver([]string{"", "group:g", "everyone"}, []string{"", ada, "group:h"}), true)
	narrow := policiesOver(layersOver([]string{"", "group:g", "everyone"}, []string{"", ada}), false)
	three := policiesOver(layersOver([]string{"", ada, "group:g", "group:h", "group:i"}, []string{"", ada, "group:i", "everyone"}), true)
	if testing.Short() {
		wide, paired, narrow = wide[:27], paired[:20], narrow[:8]
	}
	all := 0
	for _, space := range []struct {
		name     string
		policies chain
		nodes    int
	}{
		{"one node, three groups", three, 1}, {"two nodes, three groups", three[:prove.Count(20, len(three))], 2},
		{"one node, pairs of layers", paired, 1}, {"two nodes", wide, 2},
		{"two nodes, pairs of layers", paired, 2}, {"three nodes", narrow, 3},
	} {
		t.Run(space.name, func(t *testing.T) {
			n := everyChain(t, space.policies, space.nodes, "") + everyChain(t, space.policies, space.nodes, "nowhere")
			t.Logf("%d policies, %d decisions", len(space.policies), n)
			all += n
		})
	}
	prove.Report(t, "the truth decides", "%d decisions on every chain of few names, 0 differences from the reference", all)
}

// everyChain compares the decisions on all chains of that many nodes, ending at the root's
// parent, and returns how many there were. It counts through the chains like an odometer.
func everyChain(t *testing.T, policies chain, nodes int, parent string) (decisions int) {
	translated := map[*reference.Policy]*acl.Policy{}
	for _, p := range policies {
		translated[p] = policyOf(p)
	}
	type asking struct {
		world reference.World
		caller
		view acl.View
	}
	var askings []asking
	for _, m := range memberships {
		for _, c := range callers {
			w := reference.World{Groups: m, Labels: labels}
			c.Clearance, c.App = "internal", "internal"
			askings = append(askings, asking{w, c, viewOf(t, directoryOf(w), identityOf(w, c), noon)})
		}
	}
	at := make([]int, nodes)
	for {
		above := parent
		containers := map[string]reference.Node{}
		access := acl.Access{Sensitivity: "internal", Dangling: parent != "", Chain: make([]*acl.Policy, nodes)}
		for i := nodes - 1; i > 0; i-- {
			name := fmt.Sprint("folder", i)
			containers[name] = reference.Node{Policy: policies[at[i]], Parent: above}
			access.Chain[i], above = translated[policies[at[i]]], name
		}
		access.Chain[0] = translated[policies[at[0]]]
		documents := map[string]reference.Document{"doc": {Node: reference.Node{Policy: policies[at[0]], Parent: above}}}
		for _, a := range askings {
			a.world.Containers, a.world.Documents = containers, documents
			want := reference.Reads(a.world, a.caller, "doc", noon)
			decisions++
			if got := a.view.Admits(access); got != want {
				t.Fatalf("%+v: got %t, the reference says %t\n%+v", a.caller, got, want, a.world)
			}
		}
		i := 0
		for ; i < nodes; i++ {
			if at[i]++; at[i] < len(policies) {
				break
			}
			at[i] = 0
		}
		if i == nodes {
			return decisions
		}
	}
}
