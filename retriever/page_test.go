package retriever_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// TestPagesContinueOneAnother walks through random worlds in pages of random length: put
// one after the other they are the one page of their sum, down to the bits of the scores;
// a page follows if and only if it has a passage.
func TestPagesContinueOneAnother(t *testing.T) {
	t.Parallel()
	worlds := uint64(prove.Count(10, 100))
	pages, passages := 0, 0
	for seed := range worlds {
		g := newGenerator(seed + 4711)
		d := newDesk(t)
		d.send(t, g.directory()...)
		var steps []catalog.Mutation
		for range 60 {
			steps = append(steps, g.step())
		}
		d.send(t, steps...)
		for range 10 {
			caller, req := g.caller(), g.request()
			req.From = 0
			n := d.walk(t, caller, req, func() int { return 1 + g.IntN(6) })
			pages, passages = pages+n.pages, passages+n.passages
		}
	}
	if pages < 150*int(worlds)/10 || passages < 2*pages {
		t.Errorf("%d pages of %d passages say little", pages, passages)
	}
	prove.Report(t, "pages continue one another", "%d pages of random length in %d worlds, %d passages, in the order of one page", pages, worlds, passages)
}

type walked struct {
	pages, passages int
	last            retriever.Answer
}

// walk compares the pages of a query with one that holds them all.
func (d *desk) walk(t *testing.T, caller acl.Identity, req retriever.Request, length func() int) (n walked) {
	t.Helper()
	req.Limit = retriever.MostResults
	whole := show(d.ask(t, caller, req)).Results
	var all []shown
	for {
		req.From, req.Limit = len(all), length()
		n.last = d.ask(t, caller, req)
		page := show(n.last)
		n.pages++
		all = append(all, page.Results...)
		if len(all) > len(whole) || page.More != (len(all) < len(whole)) || page.More && len(page.Results) != req.Limit {
			t.Fatalf("%s asks %+v: %d results, %d so far of %d, more: %t", caller.User, req, len(page.Results), len(all), len(whole), page.More)
		}
		if !page.More {
			break
		}
	}
	if diff := cmp.Diff(whole, all); diff != "" {
		t.Fatalf("%s asks %+v: pages are not the one page of their sum (-one +pages):\n%s", caller.User, req, diff)
	}
	n.passages = len(all)
	return n
}

// TestDeepPages walks further than the first search goes: no passage comes twice, two of a
// document at most, and the order stays that of one page. Past the 1,000th there is none,
// and the page says so; who has fewer walks to the end, and is told nothing. In the record
// ranks go on from page to page.
func TestDeepPages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := newGenerator(7)
	const documents = 620
	var puts []catalog.Mutation
	for i := range documents {
		p := page(fmt.Sprintf("%03d.md", i), "Ferry", fmt.Sprintf("# Repairs\n\nThe ferry of pier %d is repaired by %s.\n\n# Notice\n\nNotice of it is given by %[2]s.\n\n# Dock\n\nThe dock of ferry %[1]d, for repairs.", i, pick(g, fillers)), "user:local/ada")
		if i%10 == 0 {
			p.Access.Policy = readable("user:local/ada", "user:local/mallory")
		}
		puts = append(puts, p)
	}
	d.send(t, puts...)
	for _, tc := range []struct {
		caller acl.Identity
		want   int
		cut    bool
	}{{ada, retriever.MostResults, true}, {mallory, 2 * documents / 10, false}} {
		n := d.walk(t, tc.caller, retriever.Request{Query: "notice of ferry repairs"}, func() int { return 40 + g.IntN(90) })
		if n.passages != tc.want || slices.Contains(n.last.Degradations, retriever.CutOff) != tc.cut {
			t.Errorf("%s walks through %d passages, want %d; the last page says %v", tc.caller.User, n.passages, tc.want, n.last.Degradations)
		}
		seen, of := map[catalog.PassageID]bool{}, map[string]int{}
		for _, r := range d.ask(t, tc.caller, retriever.Request{Query: "notice of ferry repairs", Limit: retriever.MostResults}).Results {
			if of[r.Document.ID]++; seen[r.Passage.ID] || of[r.Document.ID] > 2 {
				t.Fatalf("%v comes again", r.Passage.ID)
			}
			seen[r.Passage.ID] = true
		}
	}
	a := d.ask(t, ada, retriever.Request{Query: "ferry repairs", From: 30, Limit: 5})
	record, _, err := d.log.Record(t.Context(), a.Entry.Index)
	must(t, err)
	if first := record.Retrieval.Sources[0].Rank; first != 31 || len(record.Retrieval.Sources) != 5 {
		t.Errorf("the record of a page of 5 after 30 has %d sources, the first of rank %d", len(record.Retrieval.Sources), first)
	}
}
