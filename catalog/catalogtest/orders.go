package catalogtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

const (
	orderedEvents = 6
	orders        = 720 // of them
)

// event is one line of a small world about its document "a" or "b".
type event struct {
	kind    string // put, delete, access or see
	id      string
	version int64 // another for each put of a document, and for each access line
}

// end is what a world comes to, whatever the order of its events was.
type end struct {
	state   catalog.State
	version int64
	text    string
	access  catalog.Access
}

// smallWorld draws what is stored before, and what then happens in any order.
func smallWorld(random *rand.Rand) (before, events []event) {
	ids := []string{"a", "b"}[:1+random.IntN(2)]
	versions := map[string][]int{}
	for _, id := range ids {
		versions[id] = random.Perm(orderedEvents + 1)
		if random.IntN(2) == 0 {
			before = append(before, event{"put", id, int64(versions[id][orderedEvents])})
		}
	}
	for i := range orderedEvents {
		id := ids[random.IntN(len(ids))]
		e := event{id: id, version: int64(versions[id][i])}
		switch n := random.IntN(9); {
		case n < 4:
			e.kind = "put"
		case n < 6:
			e.kind = "delete" // sometimes at the version of a put
			e.version = int64(random.IntN(orderedEvents + 1))
		case n < 8:
			e.kind, e.version = "access", e.version+1
		default:
			e.kind = "see"
		}
		events = append(events, e)
	}
	return before, events
}

// line is the event as a line of the source.
func (e event) line(source string) catalog.Mutation {
	id := catalog.DocumentID{Source: source, ID: e.id}
	switch e.kind {
	case "put":
		m := put(e.id, e.version, fmt.Sprint(e.id, e.version))
		m.Document.DocumentID = id
		return m
	case "delete":
		return catalog.DeleteDocument{Document: id, Version: e.version}
	case "access":
		a := e.access()
		return catalog.PutAccess{Document: id, Access: catalog.AccessPatch{Version: a.Version, Policy: a.Policy, Container: &a.Container, Sensitivity: &a.Sensitivity}}
	}
	return catalog.SeeDocument{Document: id}
}

// access is the register that an access line, which names every field, leaves.
func (e event) access() catalog.Access {
	return catalog.Access{
		Version: e.version, Policy: readers(acl.Principal(fmt.Sprint("user:corp/", e.version))),
		Container: fmt.Sprint("f", e.version), Sensitivity: "public",
	}
}

// comesTo says how a world ends, from the set of its events alone. Each register keeps the
// greatest version; of a deletion and a content of one version, the deletion. What is then
// present and was neither sent nor named in the session is removed.
func comesTo(before, events []event) map[string]end {
	ends, seen := map[string]end{}, map[string]bool{}
	for _, e := range events {
		seen[e.id] = seen[e.id] || e.kind == "put" || e.kind == "see"
	}
	for _, e := range slices.Concat(before, events) {
		d, known := ends[e.id]
		known = known && d.state != catalog.AccessOnly
		switch {
		case e.kind == "see":
			continue
		case e.kind == "access":
			if e.version > d.access.Version {
				d.access = e.access()
			}
		case !known || e.version > d.version || e.version == d.version && e.kind == "delete":
			d.state, d.version, d.text = catalog.Present, e.version, fmt.Sprint(e.id, e.version)
			if e.kind == "delete" {
				d.state, d.text = catalog.Deleted, ""
			}
		}
		ends[e.id] = d
	}
	for id, d := range ends {
		if d.state == catalog.Present && !seen[id] {
			d.state, d.text = catalog.Deleted, ""
			ends[id] = d
		}
	}
	return ends
}

// permutations calls f with every order of 0 to n-1.
func permutations(n int, f func(order []int)) {
	order := make([]int, 0, n)
	var extend func()
	extend = func() {
		if len(order) == n {
			f(slices.Clone(order))
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				extend()
				order = order[:len(order)-1]
			}
		}
	}
	extend()
}

// allOrders lets the events of small worlds arrive within a sync session in every order.
// Each order has a source of its own, so that one commit can take the next event of all.
func allOrders(t *testing.T, worlds int, fresh func(t testing.TB) Opener) {
	for world := range worlds {
		t.Run(fmt.Sprint("world ", world), func(t *testing.T) {
			before, events := smallWorld(rand.New(rand.NewPCG(uint64(world), 1)))
			inEveryOrder(start(t, fresh(t)), before, events)
		})
	}
}

func inEveryOrder(w *bench, before, events []event) {
	var all [][]int
	permutations(len(events), func(order []int) { all = append(all, order) })
	if len(all) != orders {
		w.Fatalf("%d orders of %d events", len(all), len(events))
	}
	each := func(f func(source string, order []int) []catalog.Mutation) []catalog.Outcome {
		var ms []catalog.Mutation
		for i, order := range all {
			ms = append(ms, f(fmt.Sprint("order ", i), order)...)
		}
		return w.commit(ms...).Outcomes
	}
	each(func(source string, _ []int) (ms []catalog.Mutation) {
		for _, e := range before {
			ms = append(ms, e.line(source))
		}
		return append(ms, catalog.StartSync{Source: source, Session: catalog.Session{ID: source, Life: time.Hour}})
	})
	for i := range events {
		each(func(source string, order []int) []catalog.Mutation {
			return []catalog.Mutation{events[order[i]].line(source)}
		})
	}
	for i, o := range each(func(source string, _ []int) []catalog.Mutation {
		return []catalog.Mutation{catalog.CommitSync{Source: source, Session: source, Share: 1}}
	}) {
		if o.Refused != nil {
			w.Fatalf("order %v: %v", all[i], o.Refused)
		}
	}

	got := map[string]map[string]end{}
	for _, c := range w.changes(0) {
		d := c.Document.Document
		e := end{state: d.State, version: d.Version, access: d.Access}
		for _, p := range c.Document.Passages {
			e.text += p.Text
		}
		if got[d.Source] == nil {
			got[d.Source] = map[string]end{}
		}
		got[d.Source][d.ID] = e
	}
	want := comesTo(before, events)
	for i, order := range all {
		if diff := ends(got[fmt.Sprint("order ", i)], want); diff != "" {
			w.Fatalf("before %v, then %v in the order %v: %s", before, events, order, diff)
		}
	}
}

// ends says how two ends of a world differ, "" if they do not.
func ends(got, want map[string]end) string {
	for _, id := range []string{"a", "b"} {
		g, w := got[id], want[id]
		same := g.access.Policy.Equal(w.access.Policy)
		g.access.Policy, w.access.Policy = nil, nil
		if !same || g != w {
			return fmt.Sprintf("%s ends as %+v, want %+v", id, got[id], want[id])
		}
	}
	return ""
}
