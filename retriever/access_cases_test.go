package retriever_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/retriever"
)

// TestAccessCases takes rules of who may read (ACL-01 to ACL-04, ACL-06, ACL-08, ACL-09)
// through everything between a line of the feed and an answer: what is not admitted is
// neither found nor opened.
func TestAccessCases(t *testing.T) {
	allow := func(p *acl.Policy, change func(g *acl.Grant)) *acl.Policy {
		change(&p.Layers[0].Allow[0])
		return p
	}
	folder := func(p *acl.Policy) catalog.Mutation {
		return catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "handbook", ID: "folder"}, Version: 1, Policy: p}}
	}
	team := func(name acl.Principal, members ...acl.Principal) catalog.Mutation {
		return catalog.PutGroup{Group: name, Members: members}
	}
	const me = "user:local/ada"
	in := "folder"
	for _, tc := range []struct {
		name   string
		before []catalog.Mutation
		policy *acl.Policy
		in     *string
		change func(d *catalog.Document)
		guest  bool
		want   bool
	}{
		{name: "ACL-01 a group is allowed", before: []catalog.Mutation{team("group:g", me)}, policy: readable("group:g"), want: true},
		{name: "ACL-01 a group is allowed and a member denied", before: []catalog.Mutation{team("group:g", me)}, policy: but(readable("group:g"), me)},
		{
			name: "ACL-02 somebody is allowed and a group denied, three levels up", policy: but(readable(me), "group:c"),
			before: []catalog.Mutation{team("group:c", "group:b"), team("group:b", "group:a"), team("group:a", me)},
		},
		{name: "ACL-03 no policy, not for the owner either", change: func(d *catalog.Document) { d.Owner = me }},
		{name: "ACL-03 a policy without layers", policy: &acl.Policy{}, change: func(d *catalog.Document) { d.Owner = me }},
		{name: "ACL-04 everyone", policy: readable(acl.Everyone), want: true},
		{name: "ACL-04 everyone is not a guest", policy: readable(acl.Everyone), guest: true},
		{name: "ACL-04 a group called everyone", policy: readable("group:everyone")},
		{name: "ACL-06 the folder allows", before: []catalog.Mutation{folder(readable(acl.Everyone))}, in: &in, want: true},
		{name: "ACL-06 the folder allows, the document denies", before: []catalog.Mutation{folder(readable(acl.Everyone))}, in: &in, policy: but(readable(acl.Everyone), me)},
		{name: "ACL-06 the folder allows, the document extends and denies", before: []catalog.Mutation{folder(readable(acl.Everyone))}, in: &in, policy: joined(acl.Extend, but(readable("group:g"), me))},
		{name: "ACL-06 the folder denies, the document allows", before: []catalog.Mutation{folder(but(readable(acl.Everyone), me))}, in: &in, policy: readable(me)},
		{name: "ACL-06 the folder denies, the document extends by an allow", before: []catalog.Mutation{folder(but(readable(acl.Everyone), me))}, in: &in, policy: joined(acl.Extend, readable(me)), want: true},
		{name: "ACL-06 the folder denies, the document stands alone", before: []catalog.Mutation{folder(but(readable(acl.Everyone), me))}, in: &in, policy: joined(acl.Replace, readable(me)), want: true},
		{name: "ACL-08 a millisecond before the end", policy: allow(readable(me), func(g *acl.Grant) { g.NotAfter = now.Add(time.Millisecond) }), want: true},
		{name: "ACL-08 at the end", policy: allow(readable(me), func(g *acl.Grant) { g.NotAfter = now })},
		{name: "ACL-08 a millisecond after the end", policy: allow(readable(me), func(g *acl.Grant) { g.NotAfter = now.Add(-time.Millisecond) })},
		{name: "ACL-09 before the beginning", policy: allow(readable(me), func(g *acl.Grant) { g.NotBefore = now.Add(time.Millisecond) })},
		{name: "ACL-09 at the beginning", policy: allow(readable(me), func(g *acl.Grant) { g.NotBefore = now }), want: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			put := page("case.md", "Ferry", "The ferry leaves at noon.")
			put.Access = catalog.AccessPatch{Policy: tc.policy, Container: tc.in}
			if tc.change != nil {
				tc.change(&put.Document)
			}
			d.send(t, append(tc.before, put)...)
			caller := ada
			caller.Guest = tc.guest
			if found := slices.Contains(ids(d.ask(t, caller, retriever.Request{Query: "ferry"})), "case.md"); found != tc.want {
				t.Errorf("found: %t, want %t", found, tc.want)
			}
			_, err := d.Document(t.Context(), caller, put.Document.DocumentID, retriever.Request{ID: "request"})
			if opened := err == nil; opened != tc.want || err != nil && !errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("opened: %t (%v), want %t", opened, err, tc.want)
			}
		})
	}
}
