package acl_test

import (
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
)

func TestPolicyEqual(t *testing.T) {
	grants := func(g ...acl.Grant) []acl.Grant { return g }
	base := func() *acl.Policy {
		return &acl.Policy{Inherit: acl.Extend, Layers: []acl.Layer{
			{Allow: grants(acl.Grant{Principal: ada, NotBefore: noon, NotAfter: after}), Deny: grants(acl.Grant{Principal: eve})},
		}}
	}
	with := func(change func(p *acl.Policy, l *acl.Layer)) *acl.Policy {
		p := base()
		change(p, &p.Layers[0])
		return p
	}
	for _, c := range []struct {
		name  string
		other *acl.Policy
		want  bool
	}{
		{"the same", base(), true},
		{"the same instants in another zone", with(func(_ *acl.Policy, l *acl.Layer) { l.Allow[0].NotBefore = noon.In(time.FixedZone("", 3600)) }), true},
		{"nil", nil, false},
		{"zero", &acl.Policy{}, false},
		{"mode", with(func(p *acl.Policy, _ *acl.Layer) { p.Inherit = acl.Replace }), false},
		{"a further layer", with(func(p *acl.Policy, _ *acl.Layer) { p.Layers = append(p.Layers, acl.Layer{}) }), false},
		{"no layers", with(func(p *acl.Policy, _ *acl.Layer) { p.Layers = nil }), false},
		{"allow", with(func(_ *acl.Policy, l *acl.Layer) { l.Allow[0].Principal = eve }), false},
		{"not_before", with(func(_ *acl.Policy, l *acl.Layer) { l.Allow[0].NotBefore = before }), false},
		{"not_after", with(func(_ *acl.Policy, l *acl.Layer) { l.Allow[0].NotAfter = time.Time{} }), false},
		{"deny", with(func(_ *acl.Policy, l *acl.Layer) { l.Deny[0].Principal = ada }), false},
		{"no deny", with(func(_ *acl.Policy, l *acl.Layer) { l.Deny = nil }), false},
		{"allow and deny exchanged", with(func(_ *acl.Policy, l *acl.Layer) { l.Allow, l.Deny = l.Deny, l.Allow }), false},
	} {
		if base().Equal(c.other) != c.want || c.other.Equal(base()) != c.want {
			t.Errorf("%s: want equal %t, in both directions", c.name, c.want)
		}
	}
	var none *acl.Policy
	if !none.Equal(nil) || none.Equal(&acl.Policy{}) || (&acl.Policy{}).Equal(nil) {
		t.Error("no policy equals no policy, and not one that is present and empty")
	}
}
