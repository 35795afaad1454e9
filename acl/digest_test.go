package acl_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
)

// decidesBy spells out everything but the instant that a view decides by.
func decidesBy(w reference.World, id acl.Identity) string {
	c := reference.Caller{Principal: string(id.User), Guest: id.Guest, Service: id.User.Kind() == acl.Service}
	set := func(m map[string]bool) []string {
		var names []string
		for n, ok := range m {
			if ok {
				names = append(names, n)
			}
		}
		slices.Sort(names)
		return names
	}
	return fmt.Sprintf("%q %q %q %t %q", set(reference.Principals(w, c)), set(id.Clearance), set(id.Scope.Clearance),
		id.Scope.AllSources, slices.Sorted(slices.Values(id.Scope.Sources)))
}

// clearance is a random set of labels, a withdrawn one among them: any set a
// configuration or a claim could produce, not only those of a scale.
func (r dice) clearance() acl.Clearance {
	c := acl.Clearance{}
	for _, l := range labels[:3] {
		if r.chance(50) {
			c[l] = r.chance(80)
		}
	}
	return c
}

func TestDigestTellsViewsApart(t *testing.T) {
	byDigest, bySpelling := map[[32]byte]string{}, map[string][32]byte{}
	repeated := 0
	for seed := range uint64(max(decisions()/100, 1000)) {
		r := roll(seed)
		w := r.world()
		id := acl.Identity{
			User: acl.Principal(r.one(slices.Concat(people, services)...)), App: acl.Principal(r.one(services...)),
			Guest: r.chance(30), Clearance: r.clearance(),
			Scope: acl.Scope{AllSources: r.chance(30), Clearance: r.clearance()},
		}
		sources := []string{"hr", "wiki", "h", "r", "public"}
		r.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
		id.Scope.Sources = sources[:r.IntN(3)]
		at := noon.Add(time.Duration(r.IntN(1000)) * time.Hour) // no part of the digest
		digest, spelling := viewOf(t, directoryOf(w), id, at).Digest(), decidesBy(w, id)
		if other, seen := byDigest[digest]; seen && other != spelling {
			t.Fatalf("seed %d: one digest for\n%s\n%s", seed, spelling, other)
		}
		if other, seen := bySpelling[spelling]; seen {
			repeated++
			if other != digest {
				t.Fatalf("seed %d: two digests for %s", seed, spelling)
			}
		}
		byDigest[digest], bySpelling[spelling] = spelling, digest
	}
	t.Logf("%d different views, %d met again", len(bySpelling), repeated)
	if repeated < 10 || len(bySpelling) < 100 {
		t.Error("too few views to tell apart, or none met twice")
	}
}

// Each pair would share a digest if the parts were run together without their lengths.
func TestDigestKeepsPartsApart(t *testing.T) {
	base := acl.Identity{User: ada, App: "service:desk", Clearance: acl.Clearance{}, Scope: acl.Scope{Clearance: acl.Clearance{}}}
	id := func(change func(*acl.Identity)) acl.Identity {
		i := base
		i.Clearance, i.Scope.Clearance = maps.Clone(i.Clearance), maps.Clone(i.Scope.Clearance)
		change(&i)
		return i
	}
	seen := map[[32]byte]string{}
	for name, i := range map[string]acl.Identity{
		"nothing":               base,
		"sources ab":            id(func(i *acl.Identity) { i.Scope.Sources = []string{"ab"} }),
		"sources a, b":          id(func(i *acl.Identity) { i.Scope.Sources = []string{"a", "b"} }),
		"sources abc":           id(func(i *acl.Identity) { i.Scope.Sources = []string{"abc"} }),
		"sources ab, c":         id(func(i *acl.Identity) { i.Scope.Sources = []string{"ab", "c"} }),
		"sources a, bc":         id(func(i *acl.Identity) { i.Scope.Sources = []string{"a", "bc"} }),
		"the empty source":      id(func(i *acl.Identity) { i.Scope.Sources = []string{""} }),
		"a source called all":   id(func(i *acl.Identity) { i.Scope.Sources = []string{"all"} }),
		"all sources":           id(func(i *acl.Identity) { i.Scope.AllSources = true }),
		"user cleared":          id(func(i *acl.Identity) { i.Clearance["x"] = true }),
		"app cleared":           id(func(i *acl.Identity) { i.Scope.Clearance["x"] = true }),
		"both cleared":          id(func(i *acl.Identity) { i.Clearance["x"], i.Scope.Clearance["x"] = true, true }),
		"a source like a label": id(func(i *acl.Identity) { i.Scope.Sources = []string{"x"} }),
		"a guest":               id(func(i *acl.Identity) { i.Guest = true }),
		"somebody else":         id(func(i *acl.Identity) { i.User = eve }),
	} {
		d := viewOf(t, new(acl.Directory), i, noon).Digest()
		if other, taken := seen[d]; taken {
			t.Errorf("%s and %s share a digest", name, other)
		}
		seen[d] = name
	}
	withdrawn := id(func(i *acl.Identity) { i.Clearance["x"] = false })
	again := id(func(i *acl.Identity) { i.App = "service:chat" }) // the app counts by its scope alone
	for name, i := range map[string]acl.Identity{"a withdrawn clearance": withdrawn, "another app of the same scope": again} {
		if seen[viewOf(t, new(acl.Directory), i, noon).Digest()] != "nothing" {
			t.Errorf("%s changes the digest and no decision", name)
		}
	}
}
