package acl_test

import (
	"errors"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
)

// open is what anybody with clearance and scope may read.
var open = acl.Access{Chain: []*acl.Policy{{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}}, Source: "hr", Sensitivity: "public"}

func TestZeroValuesDeny(t *testing.T) {
	admits := func(change func(*acl.Identity), a acl.Access) bool {
		id := anyone(ada)
		change(&id)
		return viewOf(t, new(acl.Directory), id, noon).Admits(a)
	}
	keep := func(*acl.Identity) {}
	if !admits(keep, open) {
		t.Fatal("nothing is admitted at all: the cases below would prove nothing")
	}
	with := func(change func(*acl.Access)) acl.Access { a := open; change(&a); return a }
	for _, c := range []struct {
		name   string
		change func(*acl.Identity)
		access acl.Access
	}{
		{"zero Access", keep, acl.Access{}},
		{"no chain", keep, with(func(a *acl.Access) { a.Chain = nil })},
		{"no chain, dangling", keep, with(func(a *acl.Access) { a.Chain, a.Dangling = nil, true })},
		{"no policy", keep, with(func(a *acl.Access) { a.Chain = []*acl.Policy{nil} })},
		{"zero Policy", keep, with(func(a *acl.Access) { a.Chain = []*acl.Policy{{}} })},
		{"zero Layer", keep, with(func(a *acl.Access) { a.Chain = []*acl.Policy{{Layers: make([]acl.Layer, 1)}} })},
		{"zero Grant", keep, with(func(a *acl.Access) {
			a.Chain = []*acl.Policy{{Layers: []acl.Layer{{Allow: make([]acl.Grant, 1)}}}}
		})},
		{"no sensitivity", keep, with(func(a *acl.Access) { a.Sensitivity = "" })},
		{"unknown inherit mode below a parent", keep, with(func(a *acl.Access) {
			a.Chain = []*acl.Policy{{Layers: open.Chain[0].Layers, Inherit: acl.Replace + 1}, open.Chain[0]}
		})},
		{"zero Clearance", func(id *acl.Identity) { id.Clearance = nil }, open},
		{"clearance withdrawn", func(id *acl.Identity) { id.Clearance = acl.Clearance{"public": false} }, open},
		{"zero Scope", func(id *acl.Identity) { id.Scope = acl.Scope{} }, open},
		{"scope without clearance", func(id *acl.Identity) { id.Scope.Clearance = nil }, open},
		{"scope without sources", func(id *acl.Identity) { id.Scope.AllSources = false }, open},
		{"scope of another source", func(id *acl.Identity) { id.Scope.AllSources, id.Scope.Sources = false, []string{"h", "hr ", "HR", ""} }, open},
		{"zero Scale", func(id *acl.Identity) { id.Clearance = acl.Scale(nil).UpTo("public") }, open},
		{"unknown label", func(id *acl.Identity) { id.Clearance = acl.DefaultScale.UpTo("secret") }, open},
		{"empty label", func(id *acl.Identity) { id.Clearance = acl.DefaultScale.UpTo("") }, open},
	} {
		if admits(c.change, c.access) {
			t.Errorf("%s: admitted", c.name)
		}
	}
}

func TestZeroViewAdmitsNothing(t *testing.T) {
	var v acl.View
	if v.Admits(open) || v.Admits(acl.Access{}) {
		t.Error("the zero View admits something")
	}
	if d := v.Decide(open); d != (acl.Decision{}) || !d.Within(noon) {
		t.Errorf("the zero View decides %+v: want no, at any time", d)
	}
	if d := (acl.Decision{}); d.Admitted {
		t.Error("the zero Decision admits")
	}
	made := viewOf(t, new(acl.Directory), anyone(ada), time.Time{})
	if made.Digest() == v.Digest() {
		t.Error("a view that Directory.View made has the digest of the zero View")
	}
}

func TestIdentitiesRefused(t *testing.T) {
	const user, app = "user:corp/ada", "service:desk"
	for _, c := range []struct{ user, app acl.Principal }{
		{"", ""}, {user, ""}, {"", app},
		{acl.Everyone, app}, {"group:team", app}, {"user:corp", app}, {"user:corp/", app}, {"ada", app}, {"user:corp/a\x00", app},
		{user, acl.Everyone}, {user, "group:team"}, {user, user}, {user, "desk"}, {user, "service:"},
	} {
		id := anyone(c.user)
		id.App = c.app
		v, err := new(acl.Directory).View(id, noon)
		if !errors.Is(err, acl.ErrIdentity) {
			t.Errorf("user %q, app %q: error %v, want ErrIdentity", c.user, c.app, err)
		}
		if v.Admits(open) {
			t.Errorf("user %q, app %q: refused, and yet the view admits", c.user, c.app)
		}
	}
	if _, err := new(acl.Directory).View(acl.Identity{}, noon); !errors.Is(err, acl.ErrIdentity) {
		t.Errorf("the zero Identity: error %v, want ErrIdentity", err)
	}
}

func TestScale(t *testing.T) {
	s := acl.Scale{"green", "amber", "red"} // configured, not the default
	for i, label := range s {
		c := s.UpTo(label)
		for j, other := range s {
			if c[other] != (j <= i) {
				t.Errorf("cleared up to %s: %s is %t", label, other, c[other])
			}
		}
	}
	if s.Top() != "red" || acl.Scale(nil).Top() != "" {
		t.Errorf("Top: %q and, of an empty scale, %q", s.Top(), acl.Scale(nil).Top())
	}
	for label, want := range map[string]bool{"green": true, "red": true, "Red": false, "": false, "internal": false} {
		if s.Knows(label) != want {
			t.Errorf("Knows(%q) = %t", label, !want)
		}
	}
	if !acl.DefaultScale.Knows(acl.DefaultSensitivity) {
		t.Errorf("the default label %q is not on the default scale", acl.DefaultSensitivity)
	}
}
