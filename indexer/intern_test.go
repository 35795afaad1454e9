package indexer

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Two documents share a governance if and only if nothing that decides tells them apart.
func TestPoliciesAreInternedWhole(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	instant := rapid.SampledFrom([]time.Time{{}, at, at.Add(1), at.Add(time.Second), at.Add(time.Second).In(time.FixedZone("east", 3600))})
	grant := rapid.Custom(func(t *rapid.T) acl.Grant {
		return acl.Grant{
			Principal: rapid.SampledFrom([]acl.Principal{"everyone", "group:a"}).Draw(t, "principal"),
			NotBefore: instant.Draw(t, "from"), NotAfter: instant.Draw(t, "until"),
		}
	})
	grants := rapid.SliceOfN(grant, 0, 2)
	layer := rapid.Custom(func(t *rapid.T) acl.Layer {
		return acl.Layer{Allow: grants.Draw(t, "allow"), Deny: grants.Draw(t, "deny")}
	})
	policy := rapid.Custom(func(t *rapid.T) *acl.Policy {
		if rapid.IntRange(0, 5).Draw(t, "none") == 0 {
			return nil
		}
		return &acl.Policy{Layers: rapid.SliceOfN(layer, 0, 2).Draw(t, "layers"), Inherit: acl.Inherit(rapid.IntRange(0, 2).Draw(t, "inherit"))}
	})
	document := rapid.Custom(func(t *rapid.T) catalog.Document {
		return catalog.Document{
			DocumentID: catalog.DocumentID{Source: rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "source"), ID: rapid.StringMatching(`[a-z]{8}`).Draw(t, "id")},
			State:      catalog.Present,
			Access: catalog.Access{
				Policy: policy.Draw(t, "policy"), Container: rapid.SampledFrom([]string{"", "b", "bc"}).Draw(t, "container"),
				Sensitivity: rapid.SampledFrom([]string{"", "internal", "c"}).Draw(t, "sensitivity"),
			},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := document.Draw(t, "a"), document.Draw(t, "b")
		alike := func(part string) bool { return rapid.IntRange(0, 3).Draw(t, "same "+part) > 0 }
		if alike("source") {
			b.Source = a.Source
		}
		if alike("policy") {
			b.Access.Policy = a.Access.Policy
		}
		if alike("container") {
			b.Access.Container = a.Access.Container
		}
		if alike("sensitivity") {
			b.Access.Sensitivity = a.Access.Sensitivity
		}
		if a.ID == b.ID {
			return
		}
		table, _ := NewTable().With([]catalog.Change{{Document: &catalog.DocumentChange{Document: a}}, {Document: &catalog.DocumentChange{Document: b}}}, 1)
		shared := len(table.governances) == 1
		equal := a.Source == b.Source && a.Access.Container == b.Access.Container && a.Access.Label() == b.Access.Label() && a.Access.Policy.Equal(b.Access.Policy)
		if shared != equal {
			t.Fatalf("governance shared: %t, equal: %t\n%+v %+v\n%+v %+v", shared, equal, a.Access, a.Access.Policy, b.Access, b.Access.Policy)
		}
	})
}
