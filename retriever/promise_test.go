package retriever_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/retriever"
)

const leaveRules = "Rules for everybody in the company. Staff may take %s of parental leave after approval by the manager. " +
	"The office signs every request and keeps the receipt in the blue folder behind the counter."

func leave(id, days string, by ...acl.Principal) catalog.PutDocument {
	p := page(id, "Parental leave", strings.Replace(leaveRules, "%s", days, 1), by...)
	p.Document.URI = "https://pages.example/leave"
	return p
}

// A document that the caller cannot see neither marks another as superseded, nor demotes
// it, nor takes a place (LEAK-08).
func TestHiddenSuccessorLeavesNoMark(t *testing.T) {
	successor := leave("leave-2026.md", "30 days", "user:local/ada")
	successor.Document.Supersedes = []catalog.DocumentID{{Source: "handbook", ID: "leave.md"}}
	with, without := newDesk(t), newDesk(t)
	with.send(t, leave("leave.md", "14 days", acl.Everyone), successor)
	without.send(t, leave("leave.md", "14 days", acl.Everyone))

	req := retriever.Request{Query: "parental leave days"}
	if diff := cmp.Diff(show(without.ask(t, mallory, req)), show(with.ask(t, mallory, req))); diff != "" {
		t.Errorf("a hidden successor shows (- without it, + with it):\n%s", diff)
	}
	a := with.ask(t, ada, req)
	if diff := cmp.Diff([]string{"leave-2026.md", "leave.md"}, ids(a)); diff != "" {
		t.Fatalf("who sees both gets (-want +got):\n%s", diff)
	}
	old := a.Results[1]
	if old.Finding.State != freshness.Superseded || old.SupersededBy == nil || old.SupersededBy.ID != "leave-2026.md" {
		t.Errorf("the old version is %v by %v, want superseded by leave-2026.md", old.Finding.State, old.SupersededBy)
	}
	if a.Results[0].SupersededBy != nil {
		t.Errorf("the new version is superseded by %v", a.Results[0].SupersededBy)
	}
}

// A copy that the caller cannot see contradicts nothing (LEAK-09).
func TestHiddenCopyContradictsNothing(t *testing.T) {
	with, without := newDesk(t), newDesk(t)
	with.send(t, leave("leave.md", "14 days", acl.Everyone), leave("draft.md", "30 days", "user:local/ada"))
	without.send(t, leave("leave.md", "14 days", acl.Everyone))

	req := retriever.Request{Query: "parental leave days"}
	if diff := cmp.Diff(show(without.ask(t, mallory, req)), show(with.ask(t, mallory, req))); diff != "" {
		t.Errorf("a hidden copy shows (- without it, + with it):\n%s", diff)
	}
	if a := with.ask(t, ada, req); len(a.Conflicts) != 1 || a.Conflicts[0].Superseded {
		t.Errorf("who sees both copies gets %+v, want one conflict of values", a.Conflicts)
	}
}

// Two policies that differ by less than a second are two policies.
func TestGrantsEndToTheNanosecond(t *testing.T) {
	ending := func(id string, end time.Time) catalog.PutDocument {
		p := page(id, "Ferry repairs", "The ferry is repaired in the "+id+" dock.", acl.Everyone)
		p.Access.Policy.Layers[0].Allow[0].NotAfter = end
		return p
	}
	for _, order := range [][]catalog.Mutation{
		{ending("ended.md", now), ending("holds.md", now.Add(time.Nanosecond))},
		{ending("holds.md", now.Add(time.Nanosecond)), ending("ended.md", now)},
	} {
		with, without := newDesk(t), newDesk(t)
		with.send(t, order...)
		without.send(t, ending("holds.md", now.Add(time.Nanosecond)))
		req := retriever.Request{Query: "ferry dock"}
		want := show(without.ask(t, ada, req))
		if len(want.Results) != 1 {
			t.Fatalf("the grant that holds gives %d results, want 1", len(want.Results))
		}
		if diff := cmp.Diff(want, show(with.ask(t, ada, req))); diff != "" {
			t.Errorf("a document whose grant has ended shows (- without it, + with it):\n%s", diff)
		}
	}
}

// What cannot be recorded is not revealed: not in part, and not by a read of one document.
func TestRecordedThenRevealed(t *testing.T) {
	d := newDesk(t)
	d.send(t, leave("leave.md", "14 days", acl.Everyone))
	full := errors.New("no space left")
	d.Log = recorder(func(context.Context, audit.Record) (audit.Entry, error) { return audit.Entry{}, full })

	a, err := d.Retrieve(t.Context(), ada, retriever.Request{ID: "request", Query: "parental leave", Limit: 10})
	if !errors.Is(err, retriever.ErrNotRecorded) || !errors.Is(err, full) {
		t.Errorf("error is %v, want ErrNotRecorded and its cause", err)
	}
	if diff := cmp.Diff(retriever.Answer{}, a); diff != "" {
		t.Errorf("an answer that was not recorded holds:\n%s", diff)
	}
	doc, err := d.Document(t.Context(), ada, catalog.DocumentID{Source: "handbook", ID: "leave.md"}, retriever.Request{ID: "request"})
	if !errors.Is(err, retriever.ErrNotRecorded) {
		t.Errorf("error is %v, want ErrNotRecorded", err)
	}
	if diff := cmp.Diff(retriever.Document{}, doc); diff != "" {
		t.Errorf("a document that was not recorded holds:\n%s", diff)
	}
}

// The record says what left: every passage with version, span and rank, and who asked.
func TestTheRecordIsTheAnswer(t *testing.T) {
	d := newDesk(t)
	d.send(t, leave("leave.md", "14 days", acl.Everyone), leave("draft.md", "30 days", "user:local/ada"))
	a := d.ask(t, ada, retriever.Request{ID: "r1", Query: "parental leave", Chain: []string{"service:desk", "service:phone"}})
	got, entry, err := d.log.Record(t.Context(), a.Entry.Index)
	must(t, err)
	if entry != a.Entry {
		t.Errorf("the answer's entry is %v, the log has %v", a.Entry, entry)
	}
	want := audit.Record{
		ID: "r1", Time: now, Kind: audit.KindRetrieve, App: "service:desk", User: "user:local/ada", Chain: []string{"service:desk", "service:phone"},
		Groups: &audit.Groups{From: audit.FromDirectory},
		Retrieval: &audit.Retrieval{
			QueryHash: "hash of parental leave", Query: "parental leave", Options: got.Retrieval.Options,
			Revision: got.Retrieval.Revision, Ranking: retriever.Ranking, VectorSpace: d.Space.ID, VectorWeight: d.Weight, Conflicts: len(a.Conflicts),
			Caller: &audit.Caller{
				Clearance: []string{"internal", "public"}, Scope: &audit.Scope{AllSources: true, Clearance: []string{"internal", "public"}},
			},
		},
	}
	for i, r := range a.Results {
		want.Retrieval.Sources = append(want.Retrieval.Sources, audit.Source{
			Source: "handbook", ID: r.Document.ID, Version: 1, ContentHash: hexHash(r.Document), Start: r.Passage.Span.Start,
			End: r.Passage.Span.End, Rank: i + 1, Score: r.Score, State: r.Finding.State.String(),
			Ordinal: r.Passage.ID.Ordinal, URI: r.Document.URI, ConflictsWith: []int{2 - i},
			Policies: hex.EncodeToString(digest(acl.Access{Chain: []*acl.Policy{r.Document.Access.Policy}, Source: "handbook", Sensitivity: "internal"})),
		})
	}
	if diff := cmp.Diff(want, got); diff != "" || len(a.Results) != 2 {
		t.Errorf("the record of %d results (-want +got):\n%s", len(a.Results), diff)
	}
}

func digest(a acl.Access) []byte {
	sum := a.Digest()
	return sum[:]
}
