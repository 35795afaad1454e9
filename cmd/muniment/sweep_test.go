package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Sweeping goes through the sources and leaves what the history still holds; a late line
// stays out before and after. (What is dropped when, the suite of the stores says.)
func TestSweep(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	e, err := open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	x := e.server.Indexer
	then := time.Now().Add(-time.Hour).Unix()
	mutate(t, x, clock("wiki", catalog.ClockSeconds), clock("counter", catalog.ClockCounter))
	for i := range 5 {
		for _, s := range []string{"wiki", "counter"} {
			mutate(t, x, put(s, fmt.Sprint(i), then), remove(s, fmt.Sprint(i), then))
		}
	}
	if n, err := sweep(t.Context(), x, time.Now().Add(-time.Minute)); n != 0 || err != nil {
		t.Errorf("marks younger than that: %d dropped, %v", n, err)
	}
	n, err := sweep(t.Context(), x, time.Now().Add(time.Minute))
	if n != 0 || err != nil {
		t.Errorf("marks that the history holds: %d dropped, %v", n, err)
	}
	for _, s := range []string{"wiki", "counter"} {
		if o := mutate(t, x, put(s, "0", then-1)); o.Refused == nil {
			t.Errorf("%s: a late line brought back what was deleted", s)
		}
	}
	if o := mutate(t, x, put("wiki", "0", time.Now().Unix())); o.Refused != nil {
		t.Errorf("a new version: %v", o.Refused)
	}
}

func clock(source string, c catalog.VersionClock) catalog.Mutation {
	return catalog.PutSource{Source: source, Settings: catalog.SourceSettings{Clock: c}}
}

func put(source, id string, version int64) catalog.Mutation {
	return catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: source, ID: id}, Version: version}, Text: "Text.",
		Access: catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
	}
}

func remove(source, id string, version int64) catalog.Mutation {
	return catalog.DeleteDocument{Document: catalog.DocumentID{Source: source, ID: id}, Version: version}
}

// mutate submits the mutations and returns what became of the last.
func mutate(t *testing.T, x *indexer.Indexer, ms ...catalog.Mutation) (o catalog.Outcome) {
	t.Helper()
	for _, m := range ms {
		prepared, err := x.Prepare(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		ticket, err := x.Submit(t.Context(), sweeper, prepared, catalog.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if o, _, err = ticket.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return o
}
