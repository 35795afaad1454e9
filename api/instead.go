package api

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// instead is what is stored in place of a refused item. A line that cannot be taken still
// says two things that must not be lost.
//
// That its document is there: an open sync session must not take it for gone.
//
// That who may read has changed, if it is the policy or the label that cannot be taken: to
// keep the old one would let people read who no longer may. So what the item names is
// closed to everybody, at the item's own version, until a line comes that can be taken.
func instead(req *pb.IngestRequest, refusal error) (list []catalog.Mutation, closed bool) {
	nobody := &acl.Policy{}
	closed = aboutAccess(refusal)
	switch it := req.GetItem().(type) {
	case *pb.IngestRequest_Document:
		id := catalog.DocumentID{Source: it.Document.GetSource(), ID: it.Document.GetId()}
		if !storable(id) {
			return nil, false
		}
		list = append(list, catalog.SeeDocument{Document: id})
		if closed {
			list = append(list, catalog.PutAccess{Document: id, Access: catalog.AccessPatch{Version: max(0, it.Document.GetAccessVersion()), Policy: nobody}})
		}
	case *pb.IngestRequest_Access:
		id := catalog.DocumentID{Source: it.Access.GetSource(), ID: it.Access.GetId()}
		if closed = closed && storable(id); closed {
			list = append(list, catalog.PutAccess{Document: id, Access: catalog.AccessPatch{Version: max(0, it.Access.GetAccessVersion()), Policy: nobody}})
		}
	case *pb.IngestRequest_Container:
		id := catalog.DocumentID{Source: it.Container.GetSource(), ID: it.Container.GetId()}
		if closed = closed && storable(id); closed {
			list = append(list, catalog.PutContainer{Container: catalog.Container{DocumentID: id, Version: max(0, it.Container.GetVersion()), Policy: nobody}})
		}
	default:
		closed = false
	}
	return list, closed
}

// storable reports whether the id is one that an item could have been stored under.
func storable(id catalog.DocumentID) bool {
	ok := func(s string, most int) bool {
		return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
	}
	return ok(id.Source, 256) && ok(id.ID, 1024)
}

// aboutAccess reports whether a field that decides who may read is what was refused.
func aboutAccess(refusal error) bool {
	for _, d := range status.Convert(toStatus(refusal)).Details() {
		bad, ok := d.(*errdetails.BadRequest)
		if !ok {
			continue
		}
		for _, v := range bad.GetFieldViolations() {
			_, field, _ := strings.Cut(v.GetField(), ".")
			for _, name := range []string{"policy", "sensitivity", "container", "parent"} {
				if rest, ok := strings.CutPrefix(field, name); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
					return true
				}
			}
		}
	}
	return false
}
