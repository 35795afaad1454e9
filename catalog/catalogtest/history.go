package catalogtest

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// The small world of the random histories: few names and versions, so that everything
// meets everything.
var (
	sources   = []string{"s", "t"}
	ids       = []string{"a", "a/b", "b"}
	folders   = []string{"f", "g", "a"}
	noon      = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	labels    = []string{"", "public", "restricted"}
	people    = []acl.Principal{"user:corp/ada", "user:corp/bob", "service:bot"}
	teams     = []acl.Principal{"group:x", "group:y", "group:z"}
	parents   = append([]string{""}, append(folders, "unheard of")...)
	principal = append(append([]acl.Principal{"everyone"}, people...), teams...)
)

// policies are drawn by pointer; nil leaves the field out.
var policies = []*acl.Policy{
	nil, {}, readers("everyone"), readers("group:x"), readers("user:corp/ada", "group:y"),
	{Inherit: acl.Extend, Layers: []acl.Layer{{Allow: grants("group:z"), Deny: grants("user:corp/bob")}}},
	{Inherit: acl.Replace, Layers: []acl.Layer{{Allow: grants("everyone", "service:bot"), Deny: grants("group:y")}}},
	{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: "everyone", NotAfter: noon}}}, {Allow: grants("group:x", "user:corp/bob")}}},
	{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: "everyone", NotBefore: noon}}}}},
}

func grants(who ...acl.Principal) []acl.Grant { return readers(who...).Layers[0].Allow }

// callers are who reads in the histories, each at two instants.
var callers = []acl.Identity{
	ada, bob, guest,
	{User: "service:bot", App: "service:bot", Clearance: acl.DefaultScale.UpTo("restricted"), Scope: acl.Scope{AllSources: true, Clearance: acl.DefaultScale.UpTo("restricted")}},
	{User: "user:corp/ada", App: "service:narrow", Clearance: acl.DefaultScale.UpTo("restricted"), Scope: acl.Scope{Sources: []string{"t"}, Clearance: acl.DefaultScale.UpTo("internal")}},
}

func someID(t *rapid.T) catalog.DocumentID {
	return catalog.DocumentID{Source: rapid.SampledFrom(sources).Draw(t, "source"), ID: rapid.SampledFrom(ids).Draw(t, "id")}
}

func somePatch(t *rapid.T) (p catalog.AccessPatch) {
	p.Version = rapid.Int64Range(0, 3).Draw(t, "access version")
	p.Policy = rapid.SampledFrom(policies).Draw(t, "policy")
	if rapid.Bool().Draw(t, "with container") {
		c := rapid.SampledFrom(parents).Draw(t, "container")
		p.Container = &c
	}
	if rapid.IntRange(0, 3).Draw(t, "with label") == 0 {
		l := rapid.SampledFrom(labels).Draw(t, "label")
		p.Sensitivity = &l
	}
	return p
}

// someMutation draws one line.
func someMutation(t *rapid.T) catalog.Mutation {
	switch rapid.SampledFrom([]string{"document", "document", "document", "access", "access", "delete", "container", "container", "group"}).Draw(t, "line") {
	case "document":
		m := catalog.PutDocument{Document: catalog.Document{DocumentID: someID(t), Version: rapid.Int64Range(0, 4).Draw(t, "version")}}
		m.Text = rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "text")
		m.Document.Title = rapid.SampledFrom([]string{"", "Title"}).Draw(t, "title")
		if rapid.IntRange(0, 2).Draw(t, "with verified") == 0 {
			m.Document.Verified = catalog.Verification{By: "user:corp/ada", At: noon}
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "passages") {
			m.Passages = append(m.Passages, catalog.Passage{Text: fmt.Sprint(m.Text, i), Vector: []float32{float32(m.Document.Version), float32(i)}})
		}
		if rapid.Bool().Draw(t, "with access") {
			m.Access = somePatch(t)
		}
		hash(&m)
		return m
	case "access":
		return catalog.PutAccess{Document: someID(t), Access: somePatch(t)}
	case "delete":
		return catalog.DeleteDocument{Document: someID(t), Version: rapid.Int64Range(0, 4).Draw(t, "version")}
	case "container":
		c := catalog.Container{Version: rapid.Int64Range(0, 3).Draw(t, "version")}
		c.Source, c.ID = rapid.SampledFrom(sources).Draw(t, "source"), rapid.SampledFrom(folders).Draw(t, "id")
		c.Parent = rapid.SampledFrom(parents).Draw(t, "parent")
		c.Policy = rapid.SampledFrom(policies).Draw(t, "policy")
		return catalog.PutContainer{Container: c}
	}
	return catalog.PutGroup{
		Group:   rapid.SampledFrom(teams).Draw(t, "group"),
		Members: rapid.SliceOfN(rapid.SampledFrom(principal[1:]), 0, 3).Draw(t, "members"),
	}
}

// histories applies random commits to a store and to the model, reopening the store and
// pinning revisions on the way, and compares everything that can be read.
func histories(t *testing.T, fresh func(t testing.TB) Opener) {
	rapid.Check(t, func(r *rapid.T) {
		run := &trial{T: r, open: fresh(t), model: newModel(), now: noon}
		run.reopen()
		defer func() { run.must(run.store.Close()) }()
		for range rapid.IntRange(1, 8).Draw(r, "commits") {
			run.commit(rapid.SliceOfN(rapid.Custom(someMutation), 0, 6).Draw(r, "lines"))
			if rapid.IntRange(0, 3).Draw(r, "pin") == 0 {
				run.hold()
			}
			if rapid.IntRange(0, 5).Draw(r, "reopen") == 0 {
				run.reopen()
			}
		}
		run.compare()
	})
}
