package catalogtest

import (
	"crypto/sha256"
	"fmt"
	"strings"
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
	sessions  = []string{"first", "second"}
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

// kept are the principals that have entries.
var kept = []acl.Principal{"user:corp/ada", "user:corp/bob", "group:x"}

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
	p.Version = someVersion(t, 3)
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

// someVersion draws a small version, or sometimes a time that is near, or too far ahead.
func someVersion(t *rapid.T, most int64) int64 {
	if rapid.IntRange(0, 19).Draw(t, "version that is a time") > 0 {
		return rapid.Int64Range(0, most).Draw(t, "version")
	}
	at := noon.Add(rapid.SampledFrom([]time.Duration{0, 10 * 24 * time.Hour}).Draw(t, "ahead"))
	return rapid.SampledFrom([]int64{at.Unix(), at.UnixMilli(), at.UnixMicro(), at.UnixNano()}).Draw(t, "version")
}

// lines are what is drawn from, the frequent ones repeated.
var lines = strings.Fields("document document document document access access delete delete container container group" +
	" entry entry see vectors vectors verify settle settle source start start commit abort collect collect")

// someMutation draws one mutation.
func someMutation(t *rapid.T) catalog.Mutation {
	switch rapid.SampledFrom(lines).Draw(t, "line") {
	case "document":
		m := catalog.PutDocument{Document: catalog.Document{DocumentID: someID(t), Version: someVersion(t, 4)}}
		m.Text = rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "text")
		m.Document.Title = rapid.SampledFrom([]string{"", "Title"}).Draw(t, "title")
		if rapid.IntRange(0, 2).Draw(t, "with verified") == 0 {
			m.Document.Verified = catalog.Verification{By: "user:corp/ada", At: noon}
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "passages") {
			m.Passages = append(m.Passages, catalog.Passage{Text: fmt.Sprint(m.Text, i), Vector: []float32{float32(m.Document.Version), float32(i)}})
		}
		if m.Document.Pending = rapid.IntRange(0, 2).Draw(t, "pending") == 0; m.Document.Pending {
			for i := range m.Passages {
				m.Passages[i].Vector = nil
			}
		}
		if rapid.Bool().Draw(t, "with access") {
			m.Access = somePatch(t)
		}
		hash(&m)
		return m
	case "access":
		return catalog.PutAccess{Document: someID(t), Access: somePatch(t)}
	case "delete":
		return catalog.DeleteDocument{Document: someID(t), Version: someVersion(t, 4)}
	case "see":
		return catalog.SeeDocument{Document: someID(t), Stored: rapid.Bool().Draw(t, "stored"), Version: rapid.Int64Range(0, 4).Draw(t, "version")}
	case "vectors":
		m := catalog.PutVectors{Document: someID(t), Version: rapid.Int64Range(0, 4).Draw(t, "version"), Space: rapid.SampledFrom([]string{"", "a/2", "b/1"}).Draw(t, "space")}
		for range rapid.IntRange(0, 2).Draw(t, "passages") {
			m.Vectors = append(m.Vectors, rapid.SampledFrom([][]float32{nil, {1, 0}, {-1}}).Draw(t, "vector"))
		}
		return m
	case "verify":
		return catalog.VerifyDocument{
			Document: someID(t), Content: sha256.Sum256([]byte(rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "text"))),
			By: rapid.SampledFrom(people[:2]).Draw(t, "by"),
		}
	case "settle":
		return catalog.SettleConflict{First: someID(t), Settlement: catalog.Settlement{
			With: someID(t), Sentences: sha256.Sum256([]byte{byte(rapid.IntRange(0, 1).Draw(t, "sentences"))}),
			Verdict: catalog.Verdict(rapid.IntRange(0, 3).Draw(t, "verdict")), By: rapid.SampledFrom(people[:2]).Draw(t, "by"),
			Note: rapid.SampledFrom([]string{"", "note"}).Draw(t, "note"),
		}}
	case "source":
		return catalog.PutSource{Source: rapid.SampledFrom(sources).Draw(t, "source"), Settings: catalog.SourceSettings{
			Contact:        rapid.SampledFrom([]string{"", "ada"}).Draw(t, "contact"),
			AccessBound:    rapid.SampledFrom([]time.Duration{0, time.Hour, 48 * time.Hour}).Draw(t, "bound"),
			ReviewInterval: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "interval"),
			Clock:          rapid.SampledFrom([]catalog.VersionClock{0, 1, 2, 2, 2, 3, 4, 5}).Draw(t, "clock"),
		}}
	case "start":
		return catalog.StartSync{Source: rapid.SampledFrom(sources).Draw(t, "source"), Session: catalog.Session{
			ID: rapid.SampledFrom(sessions).Draw(t, "session"), By: rapid.SampledFrom(people[:2]).Draw(t, "by"),
			Life:    rapid.SampledFrom([]time.Duration{0, 2 * time.Minute, time.Hour}).Draw(t, "life"),
			Request: rapid.SampledFrom([]string{"", "r"}).Draw(t, "request"),
		}}
	case "commit":
		return catalog.CommitSync{
			Source: rapid.SampledFrom(sources).Draw(t, "source"), Session: rapid.SampledFrom(sessions).Draw(t, "session"),
			Documents: rapid.IntRange(0, 2).Draw(t, "documents"), Allow: rapid.IntRange(0, 2).Draw(t, "allow"),
			Share: rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "share"),
		}
	case "abort":
		return catalog.AbortSync{
			Source: rapid.SampledFrom(sources).Draw(t, "source"), Session: rapid.SampledFrom(append(sessions, "")).Draw(t, "session"),
			Error: rapid.SampledFrom([]string{"", "gave up"}).Draw(t, "error"),
		}
	case "collect":
		return catalog.CollectTombstones{
			Source: rapid.SampledFrom(sources).Draw(t, "source"), Limit: rapid.IntRange(0, 3).Draw(t, "limit"),
			Before: noon.Add(rapid.SampledFrom([]time.Duration{3 * time.Minute, 1000 * time.Hour}).Draw(t, "before")),
		}
	case "container":
		c := catalog.Container{Version: someVersion(t, 3)}
		c.Source, c.ID = rapid.SampledFrom(sources).Draw(t, "source"), rapid.SampledFrom(folders).Draw(t, "id")
		c.Parent = rapid.SampledFrom(parents).Draw(t, "parent")
		c.Policy = rapid.SampledFrom(policies).Draw(t, "policy")
		return catalog.PutContainer{Container: c}
	case "entry":
		return catalog.PutEntry{
			Entry: catalog.Entry{
				Principal: rapid.SampledFrom(kept).Draw(t, "principal"), ID: rapid.SampledFrom(ids).Draw(t, "id"),
				Version:    rapid.SampledFrom([]int64{1, 1, 2, 2, 3, 4, 0}).Draw(t, "version"),
				State:      rapid.SampledFrom([]catalog.EntryState{catalog.Inactive, catalog.Active, catalog.Removed}).Draw(t, "state"),
				Attributes: []byte(rapid.SampledFrom([]string{"", "{}"}).Draw(t, "attributes")),
			},
			Members: rapid.SliceOfN(rapid.SampledFrom(principal[1:]), 0, 3).Draw(t, "members"),
		}
	}
	return catalog.PutGroup{
		Group:   rapid.SampledFrom(teams).Draw(t, "group"),
		Members: rapid.SliceOfN(rapid.SampledFrom(principal[1:]), 0, 3).Draw(t, "members"),
	}
}

// someRequest draws a name for a mutation, or none.
func someRequest(t *rapid.T) (r catalog.Request) {
	if rapid.IntRange(0, 2).Draw(t, "named") == 0 {
		r.By = rapid.SampledFrom([]string{"ada", "bob"}).Draw(t, "by")
		r.ID = rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "request")
		r.Payload[0] = rapid.SampledFrom([]byte{0, 0, 0, 1}).Draw(t, "payload")
	}
	return r
}

// histories applies random commits to a store and to the model, reopening the store and
// pinning revisions on the way. It compares everything that can be read, at every revision.
func histories(t *testing.T, fresh func(t testing.TB) Opener) {
	rapid.Check(t, func(r *rapid.T) { play(r, fresh(t)).compare() })
}

// briefHistories compares less of each: every outcome, and what the newest revision says of
// everything.
func briefHistories(t *testing.T, n int, fresh func(t testing.TB) Opener) {
	for done := 0; done < n && !t.Failed(); done += 100 { // how many rapid makes of it, unless it is told otherwise
		t.Run(fmt.Sprint("from ", done), func(t *testing.T) { // whose files are removed at its end
			rapid.Check(t, func(r *rapid.T) {
				run := play(r, fresh(t))
				run.listed()
				run.changes(0, catalog.Contents)
				run.changes(catalog.Revision(rapid.Uint64Range(0, uint64(run.model.head())).Draw(r, "after")), catalog.Contents)
			})
		})
	}
}

// play makes one random history. The store is closed when the test is over.
func play(r *rapid.T, open Opener) *trial {
	run := &trial{T: r, open: open, model: newModel(), now: noon}
	run.reopen()
	r.Cleanup(func() { run.must(run.store.Close()) })
	for range rapid.IntRange(1, 8).Draw(r, "commits") {
		run.now = run.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Minute, time.Minute, 24 * time.Hour}).Draw(r, "later"))
		ms := rapid.SliceOfN(rapid.Custom(someMutation), 0, 6).Draw(r, "mutations")
		requests := rapid.SliceOfN(rapid.Custom(someRequest), len(ms), len(ms)).Draw(r, "requests")
		run.commit(ms, requests)
		if rapid.IntRange(0, 3).Draw(r, "pin") == 0 {
			run.hold()
		}
		if rapid.IntRange(0, 5).Draw(r, "reopen") == 0 {
			run.reopen()
		}
	}
	return run
}
