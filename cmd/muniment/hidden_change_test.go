package main

import (
	"maps"
	"slices"
	"strings"

	"fmt"

	"github.com/muniment/muniment/acl/reference"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// visibleTo is what remains of the lines for a server that only ever held what the asker
// may read: the documents the asker may read now, the containers those lie in, and the
// groups the asker is in. They come in another order, with each subject's own lines in the
// order they came in.
func (w *world) visibleTo(asker worldAsker, items []*pb.IngestRequest) (kept []*pb.IngestRequest) {
	chain, is := w.chain(asker), reference.Principals(w.World, asker.caller)
	lines := map[string][]*pb.IngestRequest{}
	var subjects []string // one for each line
	for _, item := range items {
		var name string
		var visible bool
		switch it := item.GetItem().(type) {
		case *pb.IngestRequest_Group:
			name, visible = it.Group.GetName(), is[it.Group.GetName()]
		case *pb.IngestRequest_Container:
			k := key(it.Container.GetSource(), it.Container.GetId())
			name, visible = "container "+k, chain[k]
		default:
			ref := subjectOf(item)
			k := key(ref.GetSource(), ref.GetId())
			name, visible = k, asker.reads(w, w.known[k])
		}
		if visible {
			lines[name] = append(lines[name], item)
			subjects = append(subjects, name)
		}
	}
	for _, i := range w.Perm(len(subjects)) {
		name := subjects[i]
		kept = append(kept, lines[name][0])
		lines[name] = lines[name][1:]
	}
	return kept
}

// chain is the containers that what the asker may read lies in, up to the root.
func (w *world) chain(asker worldAsker) map[string]bool {
	chain := map[string]bool{}
	for _, k := range w.names {
		if !asker.reads(w, w.known[k]) {
			continue
		}
		for c := w.Documents[k].Parent; c != "" && !chain[c]; c = w.Containers[c].Parent {
			chain[c] = true
		}
	}
	return chain
}

// readable is what the asker may read.
func (w *world) readable(asker worldAsker) (list []string) {
	for _, k := range w.names {
		if asker.reads(w, w.known[k]) {
			list = append(list, k)
		}
	}
	return list
}

// hiddenChange makes up and books a change that the asker may learn nothing of: of a
// document that is hidden before and after, of a container in which everything is hidden,
// or of a group. It returns nil if what it made up would have shown.
func (w *world) hiddenChange(asker worldAsker) *pb.IngestRequest {
	w.step++
	switch w.IntN(8) {
	case 0:
		before := maps.Clone(w.Groups)
		readable := w.readable(asker)
		if item := w.group(); slices.Equal(readable, w.readable(asker)) {
			return item
		}
		w.Groups = before
		return nil
	case 1:
		before := maps.Clone(w.Containers)
		readable, chain := w.readable(asker), w.chain(asker)
		item := w.container()
		if c := item.GetContainer(); !chain[key(c.GetSource(), c.GetId())] && slices.Equal(readable, w.readable(asker)) {
			return item
		}
		w.Containers = before
		return nil
	}
	var r *register
	for r = w.anyDocument(); asker.reads(w, r); r = w.anyDocument() {
	}
	before := *r
	switch {
	case r.present && w.IntN(4) == 0:
		return w.delete(r)
	case r.present && w.IntN(4) == 0:
		item := w.access(r)
		if !asker.reads(w, r) {
			return item
		}
	default:
		item := w.document(r.source, r.id)
		item.GetDocument().Text = strings.Repeat(item.GetDocument().GetText(), 1+w.IntN(20)) // as tempting as can be
		if !asker.reads(w, r) {
			return item
		}
	}
	*r = before
	w.book(r)
	return w.closed(r)
}

// anyDocument is one of the pages that there are, or may come to be.
func (w *world) anyDocument() *register {
	return w.register(pick(w, worldSources...), fmt.Sprint("page ", w.IntN(60)))
}

// flood is documents that nobody may read, more than a search looks at, and full of the
// words that are asked for.
func (w *world) flood(n int) (list []*pb.IngestRequest) {
	for i := range n {
		list = append(list, documentItem(&pb.Document{
			Source: pick(w, worldSources...), Id: fmt.Sprint("flood ", i), Version: 1, Title: w.text(2), Text: w.text(30) + ".",
			Policy: &pb.Policy{}, Labels: map[string]string{"colour": "red"}, Container: new("top"),
		}))
	}
	return list
}

// closed is a version of the document for nobody.
func (w *world) closed(r *register) *pb.IngestRequest {
	item := w.document(r.source, r.id)
	d := item.GetDocument()
	d.Policy, d.AccessVersion, d.Container, d.Sensitivity = &pb.Policy{Inherit: pb.Inherit_INHERIT_REPLACE}, w.step, new(""), new("internal")
	r.accessVersion, r.access = w.step, reference.Document{Node: reference.Node{Policy: toReference(d.GetPolicy())}, Sensitivity: "internal"}
	w.book(r)
	return item
}
