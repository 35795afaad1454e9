package main

import (
	"cmp"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/acl/reference"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// thing is what a line is about: a "document", a "container" or a "group", whose name is
// its id.
type thing struct{ kind, source, id string }

func (x thing) String() string {
	if x.source == "" {
		return x.kind + " " + x.id
	}
	return x.kind + " " + x.source + "/" + x.id
}

// state is what the rules of the feed format make of one thing. It is written from these
// rules and shares no code with the server. The zero state is that of a thing never heard
// of. States do not change: each line makes another.
type state struct {
	version int64        // of the content of a document, or its deletion, or of a container
	content *pb.Document // of a document that is there, nil of one that is not
	gone    bool         // it was deleted: the version is its tombstone's
	known   bool         // it is a container or group that was stored

	accessVersion int64
	policy        *pb.Policy // of a document or container
	container     string     // the parent of both
	sensitivity   string
	members       []string // of a group
}

// about is what the line is about.
func about(item *pb.IngestRequest) thing {
	switch it := item.GetItem().(type) {
	case *pb.IngestRequest_Group:
		return thing{"group", "", it.Group.GetName()}
	case *pb.IngestRequest_Container:
		return thing{"container", it.Container.GetSource(), it.Container.GetId()}
	default:
		ref := subjectOf(item)
		return thing{"document", ref.GetSource(), ref.GetId()}
	}
}

const (
	applied   = pb.IngestResponse_STATUS_APPLIED
	unchanged = pb.IngestResponse_STATUS_UNCHANGED
	refused   = pb.IngestResponse_STATUS_REFUSED
)

// after is the state after a line about the thing, and what the line's acknowledgement says.
func (s state) after(item *pb.IngestRequest) (state, pb.IngestResponse_Status) {
	switch it := item.GetItem().(type) {
	case *pb.IngestRequest_Group:
		return state{known: true, members: it.Group.GetMembers()}, applied // every line has other members
	case *pb.IngestRequest_Container:
		return s.afterContainer(it.Container)
	case *pb.IngestRequest_Document:
		return s.afterDocument(it.Document)
	case *pb.IngestRequest_Access:
		a := it.Access
		return s.afterAccess(a.GetAccessVersion(), a.GetPolicy(), a.Container, a.Sensitivity)
	default:
		return s.afterDelete(item.GetDelete().GetVersion())
	}
}

func (s state) afterContainer(c *pb.Container) (state, pb.IngestResponse_Status) {
	switch {
	case s.known && c.GetVersion() < s.version:
		return s, refused
	case s.known && c.GetVersion() == s.version:
		return s, unchanged // no version is used twice
	}
	return state{known: true, version: c.GetVersion(), policy: c.GetPolicy(), container: c.GetParent()}, applied
}

func (s state) afterDocument(d *pb.Document) (state, pb.IngestResponse_Status) {
	stored := s.content != nil || s.gone
	same := s.content != nil && d.GetVersion() == s.version && proto.Equal(contentOf(d), s.content)
	if stored && d.GetVersion() <= s.version && !same {
		return s, refused
	}
	next, status := s, unchanged
	if !same {
		next.version, next.content, next.gone, status = d.GetVersion(), contentOf(d), false, applied
	}
	if d.GetPolicy() == nil && d.Container == nil && d.Sensitivity == nil {
		return next, status
	}
	next, access := next.afterAccess(d.GetAccessVersion(), d.GetPolicy(), d.Container, d.Sensitivity)
	if access == applied {
		status = applied
	}
	return next, status
}

func (s state) afterAccess(version int64, p *pb.Policy, container, sensitivity *string) (state, pb.IngestResponse_Status) {
	if version < s.accessVersion {
		return s, unchanged
	}
	next := s
	next.accessVersion = version
	if p != nil {
		next.policy = p
	}
	if container != nil {
		next.container = *container
	}
	if sensitivity != nil {
		next.sensitivity = *sensitivity
	}
	if version == s.accessVersion && next.container == s.container && next.sensitivity == s.sensitivity && proto.Equal(next.policy, s.policy) {
		return s, unchanged
	}
	return next, applied
}

func (s state) afterDelete(version int64) (state, pb.IngestResponse_Status) {
	switch stored := s.content != nil || s.gone; {
	case stored && version < s.version:
		return s, refused
	case s.gone && version == s.version:
		return s, unchanged
	}
	next := s
	next.version, next.content, next.gone = version, nil, true
	return next, applied
}

// contentOf is a document line without what it says of access.
func contentOf(d *pb.Document) *pb.Document {
	d = proto.CloneOf(d)
	d.AccessVersion, d.Policy, d.Container, d.Sensitivity = 0, nil, nil, nil
	return d
}

// lines are what brings a server that never heard of the thing to the state.
func (s state) lines(x thing) []*pb.IngestRequest {
	switch {
	case x.kind == "group" && s.known:
		return []*pb.IngestRequest{{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: x.id, Members: s.members}}}}
	case x.kind == "container" && s.known:
		return []*pb.IngestRequest{{Item: &pb.IngestRequest_Container{Container: &pb.Container{
			Source: x.source, Id: x.id, Version: s.version, Parent: s.container, Policy: s.policy,
		}}}}
	case s.content != nil:
		d := proto.CloneOf(s.content)
		d.AccessVersion, d.Policy, d.Container = s.accessVersion, s.policy, &s.container
		if s.sensitivity != "" {
			d.Sensitivity = &s.sensitivity
		}
		return []*pb.IngestRequest{documentItem(d)}
	}
	return nil
}

// label is a document's sensitivity.
func (s state) label() string { return cmp.Or(s.sensitivity, reference.DefaultLabel) }

// node is a document or container in the terms of the reference evaluator.
func (s state) node(source string) reference.Node {
	n := reference.Node{Policy: toReference(s.policy)}
	if s.container != "" {
		n.Parent = key(source, s.container)
	}
	return n
}
