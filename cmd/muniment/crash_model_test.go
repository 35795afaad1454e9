package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/muniment/muniment/acl/reference"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// model is what the clients of a server know of it, over all its lives: what was
// acknowledged, and what was sent and may or may not have been stored.
type model struct {
	*report
	mu       sync.Mutex
	things   map[thing]*history
	texts    map[thing]map[int64]*pb.Document // every version of a document that was ever sent
	answers  map[string]string                // the ids of answers received, and what they were to
	looked   struct{ answers, changes int }   // how many of these were looked for in the log
	recorded map[string]int                   // how many changes were made, as the audit log names them
}

// history is one thing. Its first state is in force for certain; those after it are what
// the lines sent since lead to, one after the other.
type history struct {
	states []state
	sent   []*change // sent[i] leads from states[i] to states[i+1]
	past   []state   // what was in force before
}

func (r *history) last() state { return r.states[len(r.states)-1] }

// change is a line that was sent and not acknowledged.
type change struct {
	item   *pb.IngestRequest
	want   pb.IngestResponse_Status
	stored whether // after a kill
}

// whether says if a line that was not acknowledged has been stored all the same. Of
// one that changes nothing, nobody can tell.
type whether int

const (
	untold whether = iota
	stored
	notStored
)

func newModel(r *report) *model {
	return &model{
		report: r, things: map[thing]*history{}, texts: map[thing]map[int64]*pb.Document{},
		answers: map[string]string{}, recorded: map[string]int{},
	}
}

func (m *model) history(x thing) *history {
	h := m.things[x]
	if h == nil {
		h = &history{states: []state{{}}}
		m.things[x] = h
	}
	return h
}

// now is the state that the thing has when all that was sent is stored.
func (m *model) now(x thing) state {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.history(x).last()
}

// send notes that the line is about to be sent.
func (m *model) send(item *pb.IngestRequest) *change {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := about(item)
	h := m.history(x)
	next, want := h.last().after(item)
	if d := item.GetDocument(); d != nil && want != refused {
		if m.texts[x] == nil {
			m.texts[x] = map[int64]*pb.Document{}
		}
		m.texts[x][d.GetVersion()] = d
	}
	c := &change{item: item, want: want}
	h.states, h.sent = append(h.states, next), append(h.sent, c)
	return c
}

// acknowledge notes that the line is in force, and reports an acknowledgement that says
// something else than the rules do.
func (m *model) acknowledge(c *change, ack *pb.IngestResponse) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ack.GetStatus() != c.want {
		m.fault(wrongStatus, "%v was acknowledged with %v, the rules say %v: %v", about(c.item), ack.GetStatus(), c.want, ack.GetError())
	}
	if ack.GetStatus() == applied {
		m.note(func() { m.acknowledged++ })
	}
	h := m.history(about(c.item))
	m.advance(h, slices.Index(h.sent, c)+1)
}

// advance makes the n-th of the states the one in force.
func (m *model) advance(h *history, n int) {
	for _, c := range h.sent[:n] {
		if c.want == applied {
			c.stored = stored
			m.recorded[recordName(c.item)]++
		}
	}
	h.past = append(h.past, h.states[:n]...)
	h.states, h.sent = h.states[n:], h.sent[n:]
}

// recordName is what the audit log says of a change.
func recordName(item *pb.IngestRequest) string {
	op := map[bool]string{true: "change access", false: "delete document"}[item.GetAccess() != nil]
	x := about(item)
	switch {
	case item.GetDocument() != nil:
		op = "put document"
	case x.kind != "document":
		op = "put " + x.kind
	}
	return fmt.Sprint(op, " ", x.source, "/", x.id)
}

// settle compares the store that a killed server has left with the model: each thing is in
// one of the states that it can be in, wholly. From then on that state is the one in force
// and nothing counts as sent. Differs says how what the store holds differs from a state.
func (m *model) settle(differs func(thing, state) []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x, h := range m.things {
		is := func(s state) bool { return len(differs(x, s)) == 0 }
		if n := slices.IndexFunc(h.states, is); n >= 0 {
			m.advance(h, n)
		} else if n := slices.IndexFunc(h.past, is); n >= 0 {
			m.fault(lost, "%v is as it was %d changes before the last acknowledged one: %s",
				x, len(h.past)-n, strings.Join(differs(x, h.states[0]), ", "))
			h.states[0] = h.past[n]
		} else {
			m.fault(half, "%v is in none of the %d states it can be in; it differs from the first in %s; from the last in %s",
				x, len(h.states), strings.Join(differs(x, h.states[0]), ", "), strings.Join(differs(x, h.last()), ", "))
		}
		for _, c := range h.sent {
			if c.want == applied {
				c.stored = notStored
			}
		}
		h.states, h.sent = h.states[:1], nil
	}
}

// world is what decides who may read, in the terms of the reference evaluator. Nothing is
// under way.
func (m *model) world() reference.World {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := reference.World{
		Groups: map[string][]string{}, Containers: map[string]reference.Node{}, Documents: map[string]reference.Document{},
		Labels: []string{"public", "internal", "confidential", "restricted"},
	}
	for x, r := range m.things {
		switch s := r.states[0]; {
		case x.kind == "group" && s.known:
			w.Groups[x.id] = s.members
		case x.kind == "container" && s.known:
			w.Containers[key(x.source, x.id)] = s.node(x.source)
		case s.content != nil:
			w.Documents[key(x.source, x.id)] = reference.Document{Node: s.node(x.source), Sensitivity: s.sensitivity}
		}
	}
	return w
}

// documents lists the documents that were ever heard of, in order, each with its state.
func (m *model) documents() (list []thing, states map[thing]state) {
	m.mu.Lock()
	defer m.mu.Unlock()
	states = map[thing]state{}
	for x, r := range m.things {
		if x.kind == "document" {
			list, states[x] = append(list, x), r.states[0]
		}
	}
	slices.SortFunc(list, func(a, b thing) int { return strings.Compare(a.String(), b.String()) })
	return list, states
}

// lines are what makes an empty server hold what this one holds: groups, containers and
// documents.
func (m *model) lines() (list []*pb.IngestRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	order := slices.SortedFunc(maps.Keys(m.things), func(a, b thing) int {
		return -strings.Compare(a.String(), b.String())
	})
	for _, x := range order {
		list = append(list, m.things[x].states[0].lines(x)...)
	}
	return list
}

// heard notes that an answer was received.
func (m *model) heard(id, what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[id] = what
	m.note(func() { m.received++ })
}

// version is the document as it was sent in that version, nil if it never was.
func (m *model) sentVersion(x thing, version int64) *pb.Document {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.texts[x][version]
}
