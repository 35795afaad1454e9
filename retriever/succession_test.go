package retriever_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/retriever"
)

// edited is a version of the leave page that was changed that many days ago.
func edited(source, id, days string, ago int, by ...acl.Principal) catalog.PutDocument {
	p := leave(id, days, by...)
	p.Document.Source, p.Document.Owner, p.Document.Modified = source, "group:people", now.AddDate(0, 0, -ago)
	return p
}

func TestWhatReplacesADocument(t *testing.T) {
	const (
		declared = "another document declares to replace it"
		itself   = "it says itself that another document replaces it"
		version  = "a newer version of it stands at the same address"
	)
	ref := func(source, id string) []catalog.DocumentID { return []catalog.DocumentID{{Source: source, ID: id}} }
	type change func(old, next *catalog.PutDocument)
	for name, c := range map[string]struct {
		change change
		reason string // "" = not replaced
	}{
		"the successor declares it":    {func(old, next *catalog.PutDocument) { next.Document.Supersedes = ref("wiki", "old.md") }, declared},
		"a rival declares it":          {func(old, next *catalog.PutDocument) { next.Document.Supersedes = ref("handbook", "old.md") }, ""},
		"its own sender says so":       {func(old, next *catalog.PutDocument) { old.Document.SupersededBy = ref("wiki", "new.md") }, itself},
		"its own sender names nothing": {func(old, next *catalog.PutDocument) { old.Document.SupersededBy = ref("wiki", "newer.md") }, ""},
		"its title says so":            {func(old, next *catalog.PutDocument) { old.Document.Title = "Superseded by new.md" }, itself},
		"its banner says so": {func(old, next *catalog.PutDocument) {
			old.Text = "This page is superseded by [x](new.md).\n\n" + old.Text
		}, itself},
		"its banner names an address": {func(old, next *catalog.PutDocument) {
			old.Text = "Superseded by https://pages.example/new\n\n" + old.Text
			next.Document.URI = "https://pages.example/new"
		}, itself},
		"its banner names another address": {func(old, next *catalog.PutDocument) {
			old.Text = "Superseded by https://pages.example/newest\n\n" + old.Text
		}, ""},
		"the successor's text says so": {func(old, next *catalog.PutDocument) { next.Text = "---\nsupersedes: old.md\n---\n" + next.Text }, declared},
		"versions at one address":      {func(old, next *catalog.PutDocument) { next.Document.URI = old.Document.URI }, version},
		"of two owners": {func(old, next *catalog.PutDocument) {
			next.Document.URI, next.Document.Owner = old.Document.URI, "group:rivals"
		}, ""},
		"of one age": {func(old, next *catalog.PutDocument) {
			next.Document.URI, next.Document.Modified = old.Document.URI, old.Document.Modified
		}, ""},
		"of unknown age": {func(old, next *catalog.PutDocument) {
			next.Document.URI, old.Document.Modified = old.Document.URI, time.Time{}
		}, ""},
		"without an owner": {func(old, next *catalog.PutDocument) {
			next.Document.URI, next.Document.Owner, old.Document.Owner = old.Document.URI, "", ""
		}, ""},
		"with other words": {func(old, next *catalog.PutDocument) {
			next.Document.URI = old.Document.URI
			next.Text = "Parental leave days are for those who asked in time, says the calendar of another house altogether, and no form is needed."
		}, ""},
	} {
		d := newDesk(t)
		old, next := edited("wiki", "old.md", "14 days", 100, acl.Everyone), edited("wiki", "new.md", "30 days", 10, "user:local/ada")
		next.Document.URI = "https://pages.example/other"
		if name == "a rival declares it" {
			old.Document.Source = "handbook"
		}
		c.change(&old, &next)
		d.send(t, old, next)
		for _, caller := range []acl.Identity{ada, mallory} {
			doc, err := d.Document(t.Context(), caller, old.Document.DocumentID, retriever.Request{ID: "request"})
			must(t, err)
			replaced := c.reason != "" && caller.User == ada.User // mallory may not read the successor
			if got := doc.Finding.State == freshness.Superseded; got != replaced || replaced && doc.Finding.Reason != c.reason {
				t.Errorf("%s: for %s it is %v: %q", name, caller.User, doc.Finding.State, doc.Finding.Reason)
			}
			if replaced && (doc.SupersededBy == nil || *doc.SupersededBy != next.Document.DocumentID) || !replaced && doc.SupersededBy != nil {
				t.Errorf("%s: for %s it is replaced by %v", name, caller.User, doc.SupersededBy)
			}
			after, err := d.Retrieve(t.Context(), caller, retriever.Request{ID: "request", Query: "parental leave days", Limit: 10})
			must(t, err)
			for _, r := range after.Results {
				if r.Document.DocumentID == old.Document.DocumentID && r.Finding != doc.Finding {
					t.Errorf("%s: for %s the answer says %+v, the document %+v", name, caller.User, r.Finding, doc.Finding)
				}
			}
		}
	}
}

// Of the versions at an address, the newest in view counts, and what follows it is as if it had
// never been.
func TestTheNewestVersionInViewCounts(t *testing.T) {
	d := newDesk(t)
	d.send(t, edited("wiki", "1.md", "10 days", 400, acl.Everyone), edited("archive", "2.md", "14 days", 300, acl.Everyone),
		edited("wiki", "3.md", "20 days", 200, acl.Everyone), edited("wiki", "4.md", "30 days", 100, "user:local/ada"))
	by := func(caller acl.Identity) map[string]string {
		found := map[string]string{}
		for _, r := range d.ask(t, caller, retriever.Request{Query: "parental leave days"}).Results {
			found[r.Document.ID] = ""
			if r.SupersededBy != nil {
				found[r.Document.ID] = r.SupersededBy.ID
			}
		}
		return found
	}
	if diff := cmp.Diff(map[string]string{"1.md": "4.md", "2.md": "4.md", "3.md": "4.md", "4.md": ""}, by(ada)); diff != "" {
		t.Errorf("who sees all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"1.md": "3.md", "2.md": "3.md", "3.md": ""}, by(mallory)); diff != "" {
		t.Errorf("who sees the first three (-want +got):\n%s", diff)
	}
	d.send(t, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "wiki", ID: "4.md"}, Version: 2})
	if diff := cmp.Diff(by(mallory), by(ada)); diff != "" {
		t.Errorf("after the newest was deleted (- without it ever, + now):\n%s", diff)
	}
}

// A successor that the caller may not read does not stand in the way of one that they may: neither
// one that comes first in the order of ways to know, nor many newer versions.
func TestHiddenSuccessorsHideNoOther(t *testing.T) {
	d := newDesk(t)
	old, next := edited("wiki", "old.md", "14 days", 100, acl.Everyone), edited("wiki", "new.md", "30 days", 90, acl.Everyone)
	hidden := edited("wiki", "hidden.md", "20 days", 10, "user:local/ada")
	hidden.Document.URI, next.Document.URI = "", "https://pages.example/new"
	hidden.Document.Supersedes = []catalog.DocumentID{old.Document.DocumentID}
	old.Document.SupersededBy = []catalog.DocumentID{next.Document.DocumentID}
	d.send(t, old, next, hidden)
	first, second := edited("wiki", "1.md", "10 days", 400, acl.Everyone), edited("wiki", "2.md", "12 days", 300, acl.Everyone)
	first.Document.URI, second.Document.URI = "https://pages.example/x", "https://pages.example/x"
	d.send(t, first, second)
	for i := range 40 {
		version := edited("wiki", fmt.Sprintf("hidden-%d.md", i), "15 days", i, "user:local/ada")
		version.Document.URI = "https://pages.example/x"
		d.send(t, version)
	}
	for id, want := range map[string]string{"old.md": "new.md", "1.md": "2.md"} {
		doc, err := d.Document(t.Context(), mallory, catalog.DocumentID{Source: "wiki", ID: id}, retriever.Request{ID: "request"})
		must(t, err)
		if doc.SupersededBy == nil || doc.SupersededBy.ID != want {
			t.Errorf("%s is replaced by %v, want %s", id, doc.SupersededBy, want)
		}
	}
}

// What a text declares is no part of its line: the same line sent again changes nothing, and the
// declaration is a conflict that names who declares.
func TestADeclarationInATextIsTold(t *testing.T) {
	d := newDesk(t)
	old, next := edited("wiki", "old.md", "14 days", 100, acl.Everyone), edited("wiki", "new.md", "30 days", 10, acl.Everyone)
	old.Text = "This page is superseded by [x](new.md).\n\n" + old.Text
	next.Document.URI = ""
	d.send(t, old, next, old)
	a := d.ask(t, ada, retriever.Request{Query: "parental leave days"})
	for _, c := range a.Conflicts {
		if c.Superseded && (a.Results[c.A].Document.ID != "new.md" || !strings.Contains(c.Explanation, "declares to be replaced by")) ||
			!c.Superseded && c.PreferredReason != "the other declares to be superseded by it" {
			t.Errorf("conflict %+v", c)
		}
	}
	if len(a.Conflicts) != 2 {
		t.Errorf("%d conflicts, want one of the values and one that tells the declaration: %+v", len(a.Conflicts), a.Conflicts)
	}
}
