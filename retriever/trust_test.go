package retriever_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// searched are the documents that a request would search.
func (d *desk) searched(t testing.TB, caller acl.Identity, f indexer.Filter, at time.Time) (found []catalog.DocumentID) {
	t.Helper()
	state, err := d.indexer.Pin(t.Context(), 0)
	must(t, err)
	defer state.Release()
	view, err := state.View(caller, d.Now())
	must(t, err)
	visible, err := state.Visible(t.Context(), view, f, at)
	must(t, err)
	return documentsOf(visible)
}

// documentsOf are those with a passage in view.
func documentsOf(visible *indexer.Visible) (found []catalog.DocumentID) {
	for row := range catalog.Row(len(visible.Chunks()) * indexer.ChunkRows) {
		if visible.Has(row) {
			found = append(found, visible.ID(row).Document)
		}
	}
	slices.SortFunc(found, catalog.DocumentID.Compare)
	return slices.Compact(found)
}

// What a search is narrowed to by the table in memory is what the catalog's documents are judged
// to be, one by one, for any caller, filter and instant, whether asked for the first time or again.
func TestTheTableJudgesAsTheTruthDoes(t *testing.T) {
	worlds := uint64(prove.Count(8, 200))
	kept, left := 0, 0
	for seed := range worlds {
		g := newGenerator(seed)
		d := newDesk(t)
		d.send(t, g.directory()...)
		for range 4 {
			for range 15 {
				d.send(t, g.step())
			}
			for range 12 {
				caller, req := g.caller(), g.request()
				at := now.Add(time.Duration(g.IntN(9)-4) * time.Hour / 2)
				if g.chance(30) {
					at = time.Now().Add(time.Duration(g.IntN(4)) * time.Hour) // when sources are silent
				}
				d.Now = func() time.Time { return at }
				want, all := d.judged(t, caller, req.Filter)
				got := d.searched(t, caller, req.Filter, at)
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Fatalf("seed %d, %s with %+v at %v (- by the truth, + by the table):\n%s", seed, caller.User, req.Filter, at, diff)
				}
				kept, left = kept+len(got), left+all-len(got)
			}
		}
	}
	if kept == 0 || left == 0 {
		t.Errorf("%d kept and %d left out prove nothing", kept, left)
	}
}

// judged are the documents that the truth lets a request search, and how many the caller can read.
func (d *desk) judged(t testing.TB, caller acl.Identity, f indexer.Filter) (found []catalog.DocumentID, all int) {
	state, err := d.indexer.Pin(t.Context(), 0)
	must(t, err)
	defer state.Release()
	view, err := state.View(caller, d.Now())
	must(t, err)
	rest := f
	rest.States, rest.Trust = nil, 0
	static := state.Table.Visible(view).Narrow(rest) // by the fields that are not judged
	documents, err := state.Documents(t.Context(), view, documentsOf(static))
	must(t, err)
	for _, doc := range documents {
		finding, _, err := retriever.Judge(t.Context(), state, view, doc)
		must(t, err)
		if f.Admits(&doc, finding.State, d.Now()) {
			found = append(found, doc.DocumentID)
		}
	}
	return found, len(documents)
}

// A document whose validity ends or begins goes and comes at that instant, without any change to
// the catalog, and leaves no mark on the scores of the others.
func TestValidityIsAQuestionOfTheInstant(t *testing.T) {
	from, until := now.Add(-time.Hour), now.Add(time.Hour)
	with, without := newDesk(t), newDesk(t)
	passing := page("passing.md", "Ferry repairs", "The ferry is repaired in the winter dock.", acl.Everyone)
	passing.Document.ValidFrom, passing.Document.ValidUntil = from, until
	stays := page("stays.md", "Ferry repairs", "The ferry is repaired in the dry dock, says the ferry.", acl.Everyone)
	with.send(t, stays, passing)
	without.send(t, stays)
	ask := func(d *desk, at, asOf time.Time, states ...freshness.State) retriever.Answer {
		d.Now = func() time.Time { return at }
		return d.ask(t, ada, retriever.Request{Query: "ferry dock", AsOf: asOf, Filter: indexer.Filter{States: states}})
	}
	for _, c := range []struct {
		at   time.Time
		want bool
	}{{from.Add(-1), false}, {from, true}, {until.Add(-1), true}, {until, false}, {until.Add(-1), true}, {from.Add(-1), false}, {now, true}} {
		for _, asOf := range []bool{false, true} {
			at, of := c.at, time.Time{}
			if asOf {
				at, of = now.AddDate(0, 0, 9), c.at
			}
			got, alone := ask(with, at, of), ask(without, at, of)
			if c.want != (len(got.Results) == 2) {
				t.Errorf("at %v (as of: %t): %v", c.at, asOf, ids(got))
			}
			if diff := gocmp.Diff(show(alone), show(got)); !c.want && diff != "" {
				t.Errorf("at %v (as of: %t), what is not in force shows:\n%s", c.at, asOf, diff)
			}
		}
	}
	for state, at := range map[freshness.State]time.Time{freshness.NotYetValid: from.Add(-1), freshness.Outdated: until} {
		if a := ask(with, at, time.Time{}, state); len(a.Results) != 1 || a.Results[0].Finding.State != state {
			t.Errorf("asked for %v: %+v", state, a.Results)
		}
	}
}

// What replaces a document only from a day on replaces nothing before.
func TestASuccessorCountsFromItsValidity(t *testing.T) {
	d := newDesk(t)
	old, next := edited("wiki", "old.md", "14 days", 100, acl.Everyone), edited("wiki", "new.md", "30 days", 10, acl.Everyone)
	next.Document.ValidFrom = now.Add(time.Hour)
	d.send(t, old, next)
	for range 2 { // from what is kept in memory, too
		for at, want := range map[time.Time][]string{now: {"old.md"}, now.Add(time.Hour): {"new.md"}} {
			d.Now = func() time.Time { return at }
			a := d.ask(t, ada, retriever.Request{Query: "parental leave days", Filter: indexer.Filter{Trust: indexer.CurrentOnly}})
			if got := ids(a); !slices.Equal(got, want) {
				t.Errorf("at %v: %v, want %v", at, got, want)
			}
		}
	}
}

func TestTrust(t *testing.T) {
	d := newDesk(t)
	old, next := edited("wiki", "old.md", "14 days", 100, acl.Everyone), edited("wiki", "new.md", "30 days", 10, acl.Everyone)
	vouched := edited("wiki", "vouched.md", "20 days", 50, acl.Everyone)
	vouched.Document.URI, vouched.Document.Verified = "", catalog.Verification{By: "user:local/ben", At: now.Add(-time.Hour)}
	robot := edited("wiki", "robot.md", "21 days", 50, acl.Everyone)
	robot.Document.URI, robot.Document.Verified = "", catalog.Verification{By: "service:robot", At: now.Add(-time.Hour)}
	d.send(t, old, next, vouched, robot)
	for trust, want := range map[indexer.Trust][]string{
		indexer.InForce:      {"new.md", "old.md", "robot.md", "vouched.md"},
		indexer.CurrentOnly:  {"new.md", "robot.md", "vouched.md"},
		indexer.VerifiedOnly: {"vouched.md"},
	} {
		got := ids(d.ask(t, ada, retriever.Request{Query: "parental leave days", Filter: indexer.Filter{Trust: trust}}))
		slices.SortFunc(got, cmp.Compare[string])
		if !slices.Equal(got, want) {
			t.Errorf("trust %d: %v, want %v", trust, got, want)
		}
	}
	// Somebody edits the text that was vouched for.
	vouched.Document.Version, vouched.Text, vouched.Document.Verified = 2, vouched.Text+" Or more.", catalog.Verification{}
	d.send(t, vouched)
	if a := d.ask(t, ada, retriever.Request{Query: "parental leave days", Filter: indexer.Filter{Trust: indexer.VerifiedOnly}}); len(a.Results) != 0 {
		t.Errorf("a text that nobody has vouched for: %v", ids(a))
	}
}
