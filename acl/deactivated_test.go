package acl

import (
	"fmt"
	"maps"
	"testing"
	"testing/quick"
	"time"
)

// TestDeactivated: a deactivated user is nobody, not even one of everyone, and the digest of
// the view tells; others and older directories are as they were.
func TestDeactivated(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	cleared := DefaultScale.UpTo("restricted")
	who := func(user Principal) Identity {
		return Identity{User: user, App: "service:chat", Clearance: cleared, Scope: Scope{AllSources: true, Clearance: cleared}}
	}
	forAll := Access{Sensitivity: "internal", Chain: []*Policy{{Layers: []Layer{{Allow: []Grant{{Principal: Everyone}}}}}}}
	view := func(d *Directory, user Principal) View {
		t.Helper()
		v, err := d.View(who(user), at)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	active := new(Directory).With(Change{"group:x", []Principal{"user:corp/ada"}})
	before := view(active, "user:corp/ada")
	inactive := active.Activate(Activation{"user:corp/ada", false}, Activation{"group:x", false}, Activation{"service:chat", false})
	for range 2 { // the second time, as it is remembered
		v := view(inactive, "user:corp/ada")
		switch {
		case v.Admits(forAll) || len(v.principals) > 0:
			t.Fatal("a deactivated user reads")
		case v.Digest() == before.Digest():
			t.Fatal("the digest does not tell")
		case !view(inactive, "user:corp/bob").Admits(forAll) || !view(active, "user:corp/ada").Admits(forAll):
			t.Fatal("others were deactivated too")
		case inactive.Deactivated("group:x") || inactive.Deactivated("service:chat"):
			t.Fatal("what is no user was deactivated")
		}
	}
	claims := Identity{User: "user:corp/ada", App: "service:chat", Groups: []Principal{"group:x"}}
	if v, err := inactive.View(claims, time.Time{}); err != nil || len(v.principals) > 0 {
		t.Errorf("a deactivated user whose token claims groups: %v, %v", v.principals, err)
	}
	if v := view(inactive.Activate(Activation{"user:corp/ada", true}), "user:corp/ada"); v.Digest() != before.Digest() {
		t.Fatal("a user who is back is another")
	}
	if v := view(inactive.With(Change{"group:y", []Principal{"user:corp/ada"}}).Withhold(nil), "user:corp/ada"); v.Admits(forAll) {
		t.Fatal("a change of a group brought the user back")
	}
}

// TestActivateAgreesWithAMap: any changes, in any steps, leave what a map would hold.
func TestActivateAgreesWithAMap(t *testing.T) {
	agrees := func(steps [][]uint16) bool {
		d, want := new(Directory), map[Principal]bool{}
		var was []*Directory
		var had []map[Principal]bool
		for _, step := range steps {
			was, had = append(was, d), append(had, maps.Clone(want))
			var changes []Activation
			for _, n := range step {
				user := Principal(fmt.Sprint("user:corp/", n/2%50))
				changes, want[user] = append(changes, Activation{user, n%2 == 0}), n%2 == 1
			}
			d = d.Activate(changes...)
		}
		was, had = append(was, d), append(had, want)
		for i, d := range was {
			for n := range 50 {
				user := Principal(fmt.Sprint("user:corp/", n))
				if d.Deactivated(user) != had[i][user] {
					return false
				}
			}
		}
		return true
	}
	if err := quick.Check(agrees, nil); err != nil {
		t.Error(err)
	}
}
