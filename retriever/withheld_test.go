package retriever_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// A source whose permissions have not been confirmed in time is read by nobody, and named,
// in answer and record, to those alone who would have something to search there.
func TestWithheldSourcesAreNamed(t *testing.T) {
	d := newDesk(t)
	wiki := func(id string, by ...acl.Principal) catalog.PutDocument {
		m := page(id, "Leave", "Parental leave in the wiki.", by...)
		m.Document.Source = "wiki"
		m.Document.Labels = map[string]string{"team": "north"}
		return m
	}
	d.send(t,
		catalog.PutSource{Source: "wiki", Settings: catalog.SourceSettings{AccessBound: time.Hour}},
		page("leave.md", "Leave", "Fourteen days of leave.", acl.Everyone), wiki("ada.md", ada.User), wiki("nobody.md"),
	)
	first := d.source(t, "wiki").First
	at := first
	d.Now = func() time.Time { return at }
	check := func(when string, caller acl.Identity, f indexer.Filter, found int, want ...string) {
		t.Helper()
		a := d.ask(t, caller, retriever.Request{Query: "leave", Filter: f})
		record, _, err := d.log.Record(t.Context(), a.Entry.Index)
		must(t, err)
		if diff := cmp.Diff(want, a.Withheld); diff != "" || len(a.Results) != found {
			t.Errorf("%s, to %s with %+v: %d results, want %d; withheld (-want +got):\n%s", when, caller.User, f, len(a.Results), found, diff)
		}
		if named := slices.Contains(a.Degradations, retriever.SourceWithheld); named != (len(want) > 0) {
			t.Errorf("%s, to %s: degradations %v", when, caller.User, a.Degradations)
		}
		if diff := cmp.Diff(want, record.Retrieval.Withheld); diff != "" {
			t.Errorf("%s, to %s: recorded as withheld (-want +got):\n%s", when, caller.User, diff)
		}
	}
	all := indexer.Filter{}

	at = first.Add(time.Hour - 1)
	check("in time", ada, all, 2)
	check("in time", mallory, all, 1)
	at = first.Add(time.Hour)
	check("too late", ada, all, 1, "wiki")
	check("too late", mallory, all, 1)
	check("too late", ada, indexer.Filter{Sources: []string{"handbook"}}, 1)
	check("too late", ada, indexer.Filter{Sources: []string{"wiki"}}, 0, "wiki")
	check("too late", ada, indexer.Filter{Labels: map[string]string{"team": "south"}}, 0)
	check("too late", ada, indexer.Filter{Labels: map[string]string{"team": "north"}}, 0, "wiki")
	narrow := ada
	narrow.Scope = acl.Scope{Sources: []string{"handbook"}, Clearance: ada.Clearance}
	check("too late, by an app that does not reach it", narrow, all, 1)
	at = first
	check("the clock goes back", ada, all, 2)

	at = first.Add(time.Hour)
	d.send(t, catalog.PutAccess{Document: wiki("ada.md").Document.DocumentID, Access: catalog.AccessPatch{Policy: readable(mallory.User)}})
	check("it is mallory's now, and no less withheld", ada, all, 1)
	check("it is mallory's now, and no less withheld", mallory, all, 1, "wiki")
	d.send(t, catalog.DeleteDocument{Document: wiki("ada.md").Document.DocumentID, Version: 1})
	check("it is gone", mallory, all, 1)
	d.send(t, wiki("new.md", ada.User))
	check("another is there, whose own access is new", ada, all, 1, "wiki")

	session := catalog.Session{ID: "s", By: "service:job", Life: time.Hour}
	d.send(t, catalog.StartSync{Source: "wiki", Session: session})
	check("while it is synced", ada, all, 1, "wiki")
	d.send(t,
		catalog.SeeDocument{Document: wiki("new.md").Document.DocumentID, Version: 1, Stored: true},
		catalog.CommitSync{Source: "wiki", Session: "s", Documents: 1, Share: 1},
	)
	at = d.source(t, "wiki").LastSync.Add(time.Hour - 1)
	check("confirmed", ada, all, 2)
	at = at.Add(1)
	check("and late again", ada, all, 1, "wiki")
	d.send(t, catalog.PutSource{Source: "wiki"})
	check("without a bound", ada, all, 2)
}

// source is a source as the store knows it.
func (d *desk) source(t testing.TB, name string) catalog.Source {
	t.Helper()
	list, err := d.store.Sources(t.Context())
	must(t, err)
	i := slices.IndexFunc(list, func(s catalog.Source) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("there is no source %s", name)
	}
	return list[i]
}
