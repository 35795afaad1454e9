package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// What the documents of the harness have in common: a word that all of them hold, the
// beginning of words that one passage of one version alone holds, and somebody who may
// read all of them.
const (
	crashWord   = "ledger"
	crashMark   = "zq"
	crashReader = "user:local/reader"
	perSource   = 24 // documents
)

var crashSources = []string{"handbook", "finance", "legal"}

// operation is something that clients do to a server. Make returns its line, nil if there
// is nothing to do it to.
type operation struct {
	name   string
	weight int
	make   func(l *lane) *pb.IngestRequest
}

// Operations on documents. What each comes to, state.after says.
var documentOperations = []operation{
	{"new document or version", 10, func(l *lane) *pb.IngestRequest { return documentItem(l.document(l.any())) }},
	{"new version with access", 5, func(l *lane) *pb.IngestRequest {
		d := l.document(l.any())
		d.AccessVersion, d.Policy = l.next(), l.policy()
		if l.IntN(2) == 0 {
			d.Container = new(pick(l.world, "", "top", "a", "b"))
		}
		return documentItem(d)
	}},
	{"supplied vectors", 3, func(l *lane) *pb.IngestRequest { return documentItem(l.supplied(l.any())) }},
	{"large document", 1, func(l *lane) *pb.IngestRequest {
		d := l.document(l.any())
		for range 20 {
			d.Text += l.section()
		}
		return documentItem(d)
	}},
	{"access change", 8, func(l *lane) *pb.IngestRequest { return l.access(l.any(), l.next()) }},
	{"late access change", 1, func(l *lane) *pb.IngestRequest { return l.access(l.any(), max(0, l.step-100)) }},
	{"deletion", 3, func(l *lane) *pb.IngestRequest {
		if id := l.any(); l.state(id).content != nil {
			return &pb.IngestRequest{Item: &pb.IngestRequest_Delete{Delete: &pb.DocumentDeletion{Source: l.source, Id: id, Version: l.next()}}}
		}
		return nil
	}},
	{"late version", 1, func(l *lane) *pb.IngestRequest {
		d := l.document(l.any())
		d.Version = max(0, l.state(d.GetId()).version-1)
		return documentItem(d)
	}},
	{"the same version again", 1, func(l *lane) *pb.IngestRequest {
		if s := l.state(l.any()); s.content != nil {
			return documentItem(contentOf(s.content))
		}
		return nil
	}},
}

// Operations on what decides about many documents.
var directoryOperations = []operation{
	{"group", 3, func(l *lane) *pb.IngestRequest {
		g := &pb.Group{Name: pick(l.world, worldGroups...), Members: []string{fmt.Sprint("user:local/serial-", l.next())}}
		for range l.IntN(4) {
			g.Members = append(g.Members, pick(l.world, append(worldGroups, worldPeople[:4]...)...))
		}
		return &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: g}}
	}},
	{"container", 3, func(l *lane) *pb.IngestRequest {
		return l.container(pick(l.world, crashSources...), pick(l.world, "top", "a", "b"))
	}},
}

// container is one whose parent is one before it in the alphabet backwards, so that none
// lies in itself.
func (l *lane) container(source, id string) *pb.IngestRequest {
	c := &pb.Container{Source: source, Id: id, Version: l.next(), Policy: l.policy()}
	switch id {
	case "a":
		c.Parent = pick(l.world, "", "top")
	case "b":
		c.Parent = pick(l.world, "top", "a")
	}
	if c.GetParent() != "" && l.IntN(4) == 0 {
		c.Policy = nil
	}
	return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: c}}
}

// any is the id of one of the lane's documents, whether it is there or not.
func (l *lane) any() string { return fmt.Sprintf("%02d", l.IntN(perSource)) }

func (l *lane) state(id string) state { return l.model.now(thing{"document", l.source, id}) }

// next is the lane's next number: versions and all else that must be used once.
func (l *lane) next() int64 { l.step++; return l.step }

// policy is one that admits the reader, whatever else it says.
func (l *lane) policy() *pb.Policy {
	p := l.world.policy()
	if len(p.GetLayers()) == 0 {
		p.Layers = []*pb.Layer{{}}
	}
	for _, layer := range p.GetLayers() {
		layer.Allow = append(layer.Allow, &pb.Grant{Principal: crashReader})
		layer.Deny = slices.DeleteFunc(layer.GetDeny(), func(g *pb.Grant) bool { return g.GetPrincipal() == "everyone" })
	}
	return p
}

// document is a new version of a document. One that is new, or has been deleted, says who
// may read it.
func (l *lane) document(id string) *pb.Document {
	s := l.state(id)
	d := &pb.Document{
		Source: l.source, Id: id, Version: l.next(), Title: l.text(2), Owner: pick(l.world, worldPeople...), Mime: pick(l.world, "text/markdown", "text/plain"),
		Labels: map[string]string{"colour": pick(l.world, "red", "blue")}, RetentionClass: pick(l.world, "", "long"),
	}
	if l.IntN(3) == 0 { // some are copies of one page, with other numbers
		d.Uri = "https://pages.example/" + pick(l.world, "x", "y")
	}
	if l.IntN(2) == 0 {
		d.Modified = timestamppb.New(time.Date(2000+l.IntN(25), 5, 1, 0, 0, 0, 0, time.UTC))
	}
	if l.IntN(5) == 0 {
		if other := l.any(); other != id {
			d.Supersedes = []*pb.DocumentRef{{Source: l.source, Id: other}}
		}
	}
	d.Text = fmt.Sprintf("The ferry leaves after %d minutes. See %s, %s.\n", pick(l.world, 15, 30), crashWord, l.mark())
	for range 1 + l.IntN(4) {
		d.Text += l.section()
	}
	if s.policy == nil {
		d.AccessVersion, d.Policy = l.next(), l.policy()
	}
	return d
}

// section is one passage of a document.
func (l *lane) section() string {
	return fmt.Sprintf("\n## %s\n\nThe %s of %s holds %s.\n", l.text(2), crashWord, l.mark(), l.text(5+l.IntN(20)))
}

// mark is a word that is used once, and is no part of another.
func (l *lane) mark() string { return fmt.Sprintf("%s%s%06d", crashMark, l.source[:2], l.next()) }

// supplied is a document with passages and vectors of the sender.
func (l *lane) supplied(id string) *pb.Document {
	d := l.document(id)
	d.Mime, d.VectorSpace = "text/plain", "brought/4"
	var texts []string
	for range 1 + l.IntN(3) {
		text := fmt.Sprintf("The %s of %s is %s.", crashWord, l.mark(), l.text(4))
		texts = append(texts, text)
		d.Passages = append(d.Passages, &pb.SuppliedPassage{Text: text, Vector: []float32{l.Float32(), l.Float32(), 1, float32(l.step % 97)}})
	}
	d.Text = strings.Join(texts, "\n\n")
	return d
}

// access is a change of who may read a document, stored or not.
func (l *lane) access(id string, version int64) *pb.IngestRequest {
	a := &pb.DocumentAccess{Source: l.source, Id: id, AccessVersion: version}
	if l.IntN(4) > 0 || l.state(id).policy == nil {
		a.Policy = l.policy()
	}
	if a.Policy == nil || l.IntN(3) == 0 {
		a.Container = new(pick(l.world, "", "top", "a", "b"))
	}
	if l.IntN(10) == 0 {
		a.Sensitivity = new(pick(l.world, l.Labels...))
	}
	return &pb.IngestRequest{Item: &pb.IngestRequest_Access{Access: a}}
}
