package retriever_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/internal/prove"
	"github.com/muniment/muniment/retriever"
)

// TestHiddenDocumentsDoNotExist is the product in one test. A random catalog with random
// permissions is asked as somebody; then a catalog that was only ever sent what this
// caller may read, in another order, is asked the same. Everything that a caller could
// tell apart must be equal, down to the bits of the scores.
func TestHiddenDocumentsDoNotExist(t *testing.T) {
	const lanes = 4 // side by side, since much of the time is waiting for the disk
	worlds := uint64(prove.Count(32, 300))
	if testing.Short() {
		worlds = 8
	}
	var seen [lanes]tally
	t.Run("worlds", func(t *testing.T) {
		for lane := range uint64(lanes) {
			t.Run(fmt.Sprintf("lane %d", lane), func(t *testing.T) {
				t.Parallel()
				for seed := lane; seed < worlds; seed += lanes {
					compare(t, seed, &seen[lane])
				}
			})
		}
	})
	var all tally
	for _, n := range seen {
		all.add(n)
	}
	all.check(t)
	prove.Report(t, "hidden means absent, to the instant",
		"%d world pairs at an instant at which grants begin and end, %d answers equal down to the bits of the scores, %d of them with passages beside hidden ones, 0 differences",
		2*worlds, all.answers, all.hiding)
}

// compare builds the world of the seed and asks it as two callers.
func compare(t *testing.T, seed uint64, seen *tally) {
	g := newGenerator(seed)
	whole := newDesk(t)
	history := g.directory()
	for range 30 + g.IntN(50) {
		history = append(history, g.step())
	}
	for lines := history; len(lines) > 0; {
		n := min(len(lines), 1+g.IntN(40))
		whole.send(t, lines[:n]...)
		lines = lines[n:]
	}
	for range 2 {
		caller := g.caller()
		alone := newDesk(t)
		hidden := whole.copyVisible(t, g, alone, caller, history)
		for range 6 {
			req := g.request()
			got, want := show(whole.ask(t, caller, req)), show(alone.ask(t, caller, req))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, %s asks %+v: hidden documents show (- without them, + with them):\n%s", seed, caller.User, req, diff)
			}
			seen.count(got, hidden)
		}
	}
}

// copyVisible sends to another desk the whole history of every document that the caller
// may read, and of no other, the documents in an order of their own. It returns how many
// were left out. Who may read what is decided by the reference, not by the product.
func (d *desk) copyVisible(t *testing.T, g *generator, to *desk, caller acl.Identity, history []catalog.Mutation) (hidden int) {
	world, present := d.reference(t)
	lines := map[catalog.DocumentID][]catalog.Mutation{}
	for _, m := range history {
		switch m := m.(type) {
		case catalog.PutDocument:
			lines[m.Document.DocumentID] = append(lines[m.Document.DocumentID], m)
		case catalog.PutAccess:
			lines[m.Document] = append(lines[m.Document], m)
		case catalog.DeleteDocument:
			lines[m.Document] = append(lines[m.Document], m)
		default:
			to.send(t, m)
		}
	}
	for _, i := range g.Perm(len(present)) {
		id := present[i]
		if reads(world, caller, id) {
			to.send(t, lines[id]...)
		} else {
			hidden++
		}
	}
	return hidden
}

// shown is what a caller could tell apart in one result. When the server received a
// document is exempt.
type shown struct {
	Passage         catalog.PassageID
	Text            string
	Headings        []string
	Span            freshness.Span
	Document        catalog.Document
	Score, Coverage uint64 // the bits
	Finding         freshness.Finding
	SupersededBy    *catalog.DocumentID
}

type shownAnswer struct {
	Results      []shown
	More         bool
	Conflicts    []retriever.Conflict
	Degradations []retriever.Degradation
	Evidence     retriever.Evidence
}

func show(a retriever.Answer) shownAnswer {
	out := shownAnswer{More: a.More, Conflicts: a.Conflicts, Degradations: a.Degradations, Evidence: a.Evidence}
	for _, r := range a.Results {
		d := r.Document
		d.Synced, d.ACLSynced, d.Rows, d.ContentAt = catalog.Document{}.Synced, catalog.Document{}.ACLSynced, catalog.Rows{}, 0
		d.VectorsAt = 0
		out.Results = append(out.Results, shown{
			r.Passage.ID, r.Passage.Text, r.Passage.Headings, r.Passage.Span, d,
			math.Float64bits(r.Score), math.Float64bits(r.Coverage), r.Finding, r.SupersededBy,
		})
	}
	return out
}

// tally counts what the random worlds had in them, so that the test cannot pass by never
// coming near what it is about.
type tally struct {
	answers, hiding, conflicts, superseded, empty, waiting, more int
	reasons                                                      map[string]int // why superseded
}

func (n *tally) count(a shownAnswer, hidden int) {
	n.answers++
	if hidden > 0 && len(a.Results) > 0 {
		n.hiding++
	}
	if len(a.Results) == 0 {
		n.empty++
	}
	if a.More {
		n.more++
	}
	n.conflicts += len(a.Conflicts)
	if slices.Contains(a.Degradations, retriever.PendingEmbedding) {
		n.waiting++
	}
	for _, r := range a.Results {
		if r.SupersededBy != nil {
			n.superseded++
			if n.reasons == nil {
				n.reasons = map[string]int{}
			}
			n.reasons[r.Finding.Reason]++
		}
	}
}

func (n *tally) add(m tally) {
	n.answers, n.hiding, n.empty = n.answers+m.answers, n.hiding+m.hiding, n.empty+m.empty
	n.conflicts, n.superseded, n.waiting = n.conflicts+m.conflicts, n.superseded+m.superseded, n.waiting+m.waiting
	n.more += m.more
	for reason, times := range m.reasons {
		if n.reasons == nil {
			n.reasons = map[string]int{}
		}
		n.reasons[reason] += times
	}
}

func (n *tally) check(t *testing.T) {
	if testing.Short() {
		return // too few to ask for some of everything
	}
	if n.hiding < n.answers/3 || n.conflicts == 0 || len(n.reasons) < 3 || n.empty == n.answers || n.waiting == 0 || n.more < n.answers/10 || n.waiting > n.answers*3/4 {
		t.Errorf("the random worlds are too plain to prove anything: %+v", *n)
	}
}

// reference is the catalog as the reference evaluator takes it, and the documents in it.
func (d *desk) reference(t *testing.T) (reference.World, []catalog.DocumentID) {
	w := reference.World{
		Groups: map[string][]string{}, Containers: map[string]reference.Node{},
		Documents: map[string]reference.Document{}, Labels: acl.DefaultScale,
	}
	key := func(source, id string) string {
		if id == "" {
			return ""
		}
		return fmt.Sprintf("%q %q", source, id)
	}
	var present []catalog.DocumentID
	for c, err := range d.store.Changes(t.Context(), 0, catalog.Contents) {
		must(t, err)
		switch {
		case c.Group != nil:
			for _, m := range c.Group.Members {
				w.Groups[string(c.Group.Group)] = append(w.Groups[string(c.Group.Group)], string(m))
			}
		case c.Container != nil:
			w.Containers[key(c.Container.Source, c.Container.ID)] = reference.Node{
				Policy: referencePolicy(c.Container.Policy), Parent: key(c.Container.Source, c.Container.Parent),
			}
		case c.Document.Document.State == catalog.Present:
			doc := c.Document.Document
			present = append(present, doc.DocumentID)
			w.Documents[key(doc.Source, doc.ID)] = reference.Document{
				Node:        reference.Node{Policy: referencePolicy(doc.Access.Policy), Parent: key(doc.Source, doc.Access.Container)},
				Sensitivity: doc.Access.Sensitivity,
			}
		}
	}
	return w, present
}

func referencePolicy(p *acl.Policy) *reference.Policy {
	if p == nil {
		return nil
	}
	grants := func(list []acl.Grant) (out []reference.Grant) {
		for _, g := range list {
			out = append(out, reference.Grant{Principal: string(g.Principal), NotBefore: g.NotBefore, NotAfter: g.NotAfter})
		}
		return out
	}
	out := &reference.Policy{Inherit: reference.Mode(p.Inherit)}
	for _, l := range p.Layers {
		out.Layers = append(out.Layers, reference.Layer{Allow: grants(l.Allow), Deny: grants(l.Deny)})
	}
	return out
}

func reads(w reference.World, caller acl.Identity, id catalog.DocumentID) bool {
	highest := func(c acl.Clearance) (label string) {
		for _, l := range acl.DefaultScale {
			if c[l] {
				label = l
			}
		}
		return label
	}
	who := reference.Caller{
		Principal: string(caller.User), Guest: caller.Guest,
		Clearance: highest(caller.Clearance), App: highest(caller.Scope.Clearance),
	}
	scoped := caller.Scope.AllSources || slices.Contains(caller.Scope.Sources, id.Source)
	return scoped && reference.Reads(w, who, fmt.Sprintf("%q %q", id.Source, id.ID), now)
}
