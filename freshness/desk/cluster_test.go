package desk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// between two documents, by what each says.
func conflict(a, saysA, b, saysB string, confidence float64) live {
	f := &found{tier: freshness.TierA, confidence: confidence, a: stated{sentence: saysA}, b: stated{sentence: saysB}}
	doc := func(id string) *catalog.Document {
		return &catalog.Document{DocumentID: catalog.DocumentID{Source: "pier", ID: id}}
	}
	f.a.document, f.b.document = doc(a).DocumentID, doc(b).DocumentID
	f.id = idOf(f.a.document, f.b.document, freshness.PairHash(saysA, saysB))
	return live{found: f, a: doc(a), b: doc(b)}
}

// TestClusters: conflicts hang together if they are between the same two documents, or share a
// sentence; two that only share a document do not.
func TestClusters(t *testing.T) {
	list := []live{
		conflict("v1", "£40", "v2", "£45", 0.9), conflict("v1", "£40", "v3", "£50", 0.8), conflict("v2", "£45", "v3", "£50", 0.7),
		conflict("v1", "30 days", "v2", "14 days", 0.95),
		conflict("v1", "noon", "other", "midnight", 0.99), conflict("x", "1", "y", "2", 0.5),
	}
	want := "[[v1-other] [v1-v2 v1-v2 v1-v3 v2-v3] [x-y]]"
	for range 20 {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		sorted := slices.SortedFunc(slices.Values(list), func(a, b live) int { return surest(a.found, b.found) })
		var got [][]string
		for _, c := range clusters(sorted) {
			var pairs []string
			for _, l := range c {
				pairs = append(pairs, l.a.ID+"-"+l.b.ID)
			}
			got = append(got, pairs)
		}
		if fmt.Sprint(got) != want {
			t.Fatalf("%v, want %s", got, want)
		}
	}
}

// TestMergedTellsBoth: two values of one pair of sentences have one id, and are one conflict that
// tells of both.
func TestMergedTellsBoth(t *testing.T) {
	a, b := found{confidence: 0.8, explanation: "second"}, found{confidence: 0.9, explanation: "first"}
	other := found{confidence: 0.7, id: [32]byte{1}, explanation: "other"}
	list := merged([]found{a, other, b})
	if len(list) != 2 || list[0].explanation != "first; second" || list[0].confidence != 0.9 || list[1].explanation != "other" {
		t.Errorf("%v", list)
	}
}

func TestGone(t *testing.T) {
	directory := (&acl.Directory{}).With(
		acl.Change{Group: "group:full", Members: []acl.Principal{"user:corp/ada", "user:corp/left"}},
		acl.Change{Group: "group:left", Members: []acl.Principal{"user:corp/left", "group:empty"}},
		acl.Change{Group: "group:empty", Members: []acl.Principal{}},
		acl.Change{Group: "group:nested", Members: []acl.Principal{"group:empty", "group:full"}},
		acl.Change{Group: "group:ring", Members: []acl.Principal{"group:ring", "group:left"}},
		acl.Change{Group: "group:abroad", Members: []acl.Principal{"group:tokens/all"}},
	).Activate(acl.Activation{User: "user:corp/left"})
	elsewhere := func(g acl.Principal) bool { return g == "group:tokens/all" }
	for owner, want := range map[acl.Principal]string{
		"": "which is nobody", "user:corp/ada": "", "user:corp/unknown": "", "user:corp/left": "who has been deactivated", "service:sync": "", "somebody": "",
		"group:full": "", "group:nested": "", "group:abroad": "", "group:tokens/all": "", "group:unknown": "a group that is not known",
		"group:empty": "a group without members", "group:left": "a group without members", "group:ring": "a group without members",
	} {
		if got := gone(directory, owner, elsewhere); got != want {
			t.Errorf("%q: %q, want %q", owner, got, want)
		}
	}
}
