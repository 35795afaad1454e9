package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/acl/reference"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// world makes up lines of a feed and keeps book of what they come to, in the terms of the
// reference evaluator, which shares no code with the server.
type world struct {
	*rand.Rand
	reference.World
	known    map[string]*register // every document a line was about, by key
	names    []string             // of known, in order of arrival
	step     int64                // versions rise with it
	withheld string               // a source, "" if none
}

// register is what a world remembers of a document.
type register struct {
	source, id             string
	version, accessVersion int64
	present                bool
	access                 reference.Document
}

func key(source, id string) string { return source + "\x00" + id }

func newWorld(seed uint64) *world {
	return &world{
		Rand: rand.New(rand.NewPCG(seed, 7)), known: map[string]*register{},
		World: reference.World{
			Groups: map[string][]string{}, Containers: map[string]reference.Node{}, Documents: map[string]reference.Document{},
			Labels: []string{"public", "internal", "confidential", "restricted"},
		},
	}
}

func pick[T any](w *world, list ...T) T { return list[w.IntN(len(list))] }

var (
	worldSources    = []string{"handbook", "finance"}
	worldContainers = []string{"top", "a", "b", "c", "never-sent"}
	worldPeople     = []string{"user:local/ada", "user:local/bo", "user:local/cy", "service:screens", "everyone", "everyone"}
	worldGroups     = []string{"group:one", "group:two", "group:three", "group:four"}
	// Few words, some of them rare, so that one hidden document can change every statistic.
	worldWords = strings.Fields("tide tide tide rope rope rope rope mast mast hull hull hull anchor anchor capstan winch buoy lantern keel ferry ferry ferry ferry ferry")
)

// next makes the next line and books what it does. Refused says that the server must
// refuse it.
func (w *world) next() (item *pb.IngestRequest, refused bool) {
	w.step++
	switch n := w.IntN(20); {
	case n < 2:
		return w.group(), false
	case n < 5:
		return w.container(), false
	case n < 8 && len(w.names) > 0:
		return w.access(w.known[pick(w, w.names...)]), false
	case n < 10 && len(w.names) > 0:
		r := w.known[pick(w, w.names...)]
		return w.delete(r), false
	case n < 11 && len(w.names) > 0:
		return w.stale(w.known[pick(w, w.names...)])
	}
	return w.document(pick(w, worldSources...), fmt.Sprint("page ", w.IntN(40))), false
}

func (w *world) group() *pb.IngestRequest {
	g := &pb.Group{Name: pick(w, worldGroups...)}
	for range 1 + w.IntN(4) {
		g.Members = append(g.Members, pick(w, append(worldGroups, worldPeople[:4]...)...))
	}
	w.Groups[g.Name] = g.GetMembers()
	return &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: g}}
}

func (w *world) container() *pb.IngestRequest {
	c := &pb.Container{Source: pick(w, worldSources...), Id: pick(w, worldContainers[:4]...), Version: w.step}
	if w.IntN(6) > 0 {
		c.Policy = w.policy()
	}
	n := reference.Node{Policy: toReference(c.GetPolicy())}
	if parent := pick(w, append(worldContainers, "")...); parent != c.GetId() && parent != "" {
		c.Parent, n.Parent = parent, key(c.GetSource(), parent)
	}
	w.Containers[key(c.GetSource(), c.GetId())] = n
	return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: c}}
}

// document writes a page, with or without a word about who may read it.
func (w *world) document(source, id string) *pb.IngestRequest {
	r := w.register(source, id)
	r.version, r.present = w.step, true
	d := &pb.Document{
		Source: source, Id: id, Version: w.step, Title: w.text(2), Text: w.prose(), Owner: pick(w, worldPeople...),
		Labels: map[string]string{"colour": pick(w, "red", "blue")}, RetentionClass: pick(w, "", "long"), Mime: "text/markdown",
	}
	if w.IntN(6) == 0 { // some say the same to the letter, so that their scores tie
		d.Title, d.Text = "Winch", pick(w, "A winch hoists the anchor.\n", "Every winch and buoy is checked.\n")
	}
	if w.IntN(3) == 0 { // some are copies of one page, with other numbers
		d.Uri = "https://pages.example/" + pick(w, "x", "y")
	}
	if w.IntN(2) == 0 {
		d.Modified = timestamppb.New(time.Date(2000+w.IntN(25), 5, 1, 0, 0, 0, 0, time.UTC))
		d.ReviewInterval = durationpb.New(pick(w, 24*time.Hour, 100*365*24*time.Hour))
	}
	if w.IntN(4) == 0 {
		d.Supersedes = []*pb.DocumentRef{{Source: source, Id: fmt.Sprint("page ", w.IntN(40))}}
		if d.Supersedes[0].GetId() == id {
			d.Supersedes = nil
		}
	}
	switch w.IntN(12) {
	case 0:
		d.SupersededBy = []*pb.DocumentRef{{Source: pick(w, worldSources...), Id: fmt.Sprint("page ", 40+w.IntN(20))}, {Source: pick(w, worldSources...), Id: fmt.Sprint("page ", w.IntN(40))}}
		if d.SupersededBy[1].GetSource() == source && d.SupersededBy[1].GetId() == id {
			d.SupersededBy = d.SupersededBy[:1]
		}
		if d.SupersededBy[0].GetSource() == source && d.SupersededBy[0].GetId() == id {
			d.SupersededBy = nil
		}
	case 1:
		d.Text = "Superseded by https://pages.example/" + pick(w, "x", "y") + "\n\n" + d.Text
	case 2:
		d.Text = fmt.Sprintf("This page has been replaced by [another](<page %d>).\n\n%s", w.IntN(40), d.Text)
	case 3:
		d.Verified = &pb.Verification{By: pick(w, worldPeople...), At: timestamppb.New(time.Date(2000+w.IntN(25), 5, 1, 0, 0, 0, 0, time.UTC))}
	case 4:
		d.ValidUntil = timestamppb.New(time.Date(2000+w.IntN(80), 5, 1, 0, 0, 0, 0, time.UTC))
	case 5:
		d.ValidFrom = timestamppb.New(time.Date(2000+w.IntN(80), 5, 1, 0, 0, 0, 0, time.UTC))
	}
	if w.IntN(6) == 0 {
		d.VectorSpace = "brought/4"
		d.Passages = []*pb.SuppliedPassage{{Text: w.text(12), Vector: []float32{w.Float32(), w.Float32(), 1, 0}}}
	}
	if w.IntN(4) > 0 {
		d.AccessVersion = w.step
		d.Policy, d.Container, d.Sensitivity = w.change(r)
	}
	w.book(r)
	return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: d}}
}

func (w *world) access(r *register) *pb.IngestRequest {
	a := &pb.DocumentAccess{Source: r.source, Id: r.id, AccessVersion: w.step}
	a.Policy, a.Container, a.Sensitivity = w.change(r)
	w.book(r)
	return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: a}}
}

func (w *world) delete(r *register) *pb.IngestRequest {
	r.version, r.present = max(r.version, w.step), false
	w.book(r)
	return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: r.source, Id: r.id, Version: r.version}}}
}

// stale is a line that comes too late: it changes nothing.
func (w *world) stale(r *register) (item *pb.IngestRequest, refused bool) {
	if r.accessVersion > 0 && w.IntN(2) == 0 {
		return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: &pb.DocumentAccess{
			Source: r.source, Id: r.id, AccessVersion: r.accessVersion - 1, Policy: everyone(),
		}}}, false
	}
	if r.version == 0 {
		return w.access(r), false
	}
	return documentItem(&pb.Document{Source: r.source, Id: r.id, Version: r.version - 1, Text: "late", Policy: everyone(), AccessVersion: w.step}), true
}

// change makes up access fields, at least one of them, and puts them into the register.
func (w *world) change(r *register) (p *pb.Policy, container, sensitivity *string) {
	r.accessVersion = w.step
	if w.IntN(5) > 0 {
		p = w.policy()
		r.access.Policy = toReference(p)
	}
	if p == nil || w.IntN(3) == 0 {
		container = new(pick(w, append(worldContainers, "")...))
		r.access.Parent = ""
		if *container != "" {
			r.access.Parent = key(r.source, *container)
		}
	}
	if w.IntN(10) == 0 {
		sensitivity = new(pick(w, w.Labels...))
		r.access.Sensitivity = *sensitivity
	}
	return p, container, sensitivity
}

func (w *world) register(source, id string) *register {
	k := key(source, id)
	if w.known[k] == nil {
		w.known[k] = &register{source: source, id: id}
		w.names = append(w.names, k)
	}
	return w.known[k]
}

// book brings the reference's world up to date with the register.
func (w *world) book(r *register) {
	if delete(w.Documents, key(r.source, r.id)); r.present {
		w.Documents[key(r.source, r.id)] = r.access
	}
}
