package retriever_test

import (
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/retriever"
)

// A document without a review interval has its source's, and one of a source that has fallen
// silent is worth nothing until the source is heard of again. Answers and documents agree.
func TestSourcesHaveAPartInTheJudgement(t *testing.T) {
	d := newDesk(t)
	start := time.Now()
	const day = 24 * time.Hour
	at := func(passed time.Duration, want freshness.State) {
		t.Helper()
		d.Now = func() time.Time { return start.Add(passed) }
		a := d.ask(t, ada, retriever.Request{Query: "ferry dock"})
		doc, err := d.Document(t.Context(), ada, catalog.DocumentID{Source: "handbook", ID: "ferry.md"}, retriever.Request{ID: "request"})
		must(t, err)
		if len(a.Results) != 1 || a.Results[0].Finding != doc.Finding || doc.Finding.State != want {
			t.Errorf("after %v: the document is %+v, want %v; the answer's results: %+v", passed, doc.Finding, want, a.Results)
		}
	}
	ferry := page("ferry.md", "Ferry repairs", "The ferry is repaired in the dry dock.", acl.Everyone)
	ferry.Document.Modified = start
	d.send(t, ferry)
	at(day, freshness.Unknown)
	d.send(t, catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{ReviewInterval: 10 * day}})
	at(9*day, freshness.Fresh)
	at(10*day, freshness.Due)
	d.send(t, catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{ReviewInterval: 100 * day, Cadence: day}})
	at(2*day, freshness.Fresh)
	at(4*day, freshness.Unknown) // nothing was heard of it for three days and a bit
	ferry.Document.Version, ferry.Document.ReviewInterval = 2, 20*day
	d.send(t, ferry, catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{ReviewInterval: 100 * day}})
	at(20*day, freshness.Due) // its own interval comes first
}

// Another document of a silent source that is heard of tells nothing: it may be hidden.
func TestHiddenLinesAreNoSignOfLife(t *testing.T) {
	visible := page("ferry.md", "Ferry repairs", "The ferry is repaired in the dry dock.", acl.Everyone)
	settings := catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{Cadence: time.Millisecond, ReviewInterval: time.Hour}}
	d := newDesk(t)
	d.send(t, visible, settings)
	time.Sleep(5 * time.Millisecond)
	d.send(t, page("secret.md", "Secret", "Nobody may see this.", "user:local/ben"))
	d.Now = time.Now
	a := d.ask(t, ada, retriever.Request{Query: "ferry dock"})
	if len(a.Results) != 1 || a.Results[0].Finding.State != freshness.Unknown {
		t.Errorf("results: %+v", a.Results)
	}
}
