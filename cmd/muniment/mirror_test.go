package main

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// mirror is a server that was sent some of the lines that another has, in the same order.
type mirror struct {
	*server
	items   []*pb.IngestRequest
	settled int // how many of the transcript's verdicts it has been given
}

// maxMirrors is how many are kept running.
const maxMirrors = 6

// mirror returns a server that holds exactly the items. One that holds the first of them
// already is sent the rest; what only ever held other things is no use.
func (r *transcriptRun) mirror(items []*pb.IngestRequest) *mirror {
	r.t.Helper()
	m, mirrors := mirrorOf(r.t, r.mirrors, items)
	r.mirrors = mirrors
	return m
}

func mirrorOf(t *testing.T, mirrors []*mirror, items []*pb.IngestRequest) (*mirror, []*mirror) {
	t.Helper()
	i := slices.IndexFunc(mirrors, func(m *mirror) bool {
		return len(m.items) <= len(items) && slices.Equal(m.items, items[:len(m.items)])
	})
	var m *mirror
	if i >= 0 {
		m = mirrors[i]
		mirrors = slices.Delete(mirrors, i, i+1)
	} else {
		m = &mirror{server: startServer(t, t.TempDir())}
	}
	if rest := items[len(m.items):]; len(rest) > 0 {
		m.mustSend(rest...)
		m.items = slices.Clone(items)
	}
	mirrors = append(mirrors, m) // the newest last
	if len(mirrors) > maxMirrors {
		mirrors[0].stop()
		mirrors = mirrors[1:]
	}
	return m, mirrors
}

// visible returns the accepted lines without those on documents that the asker may not read
// now, as the server itself judges.
func (r *transcriptRun) visible(asker identity.Request) (kept []*pb.IngestRequest) {
	r.t.Helper()
	state := fmt.Sprint(asker, len(r.items), r.waited)
	if kept, known := r.seen[state]; known && (r.waited || !r.usesSoon) {
		return kept
	}
	defer func() { r.seen[state] = kept }()
	ctx := r.whole.as(asker)
	readable := map[string]bool{}
	for _, item := range r.items {
		ref := subjectOf(item)
		if ref == nil {
			kept = append(kept, item)
			continue
		}
		key := ref.GetSource() + "\x00" + ref.GetId()
		if _, known := readable[key]; !known {
			_, err := r.whole.documents().GetDocument(ctx, &pb.GetDocumentRequest{Document: ref})
			if err != nil && status.Code(err) != codes.NotFound {
				r.t.Fatal(err)
			}
			readable[key] = err == nil
		}
		if readable[key] {
			kept = append(kept, item)
		}
	}
	return kept
}

// subjectOf is the document that a line is about, nil for groups and containers.
func subjectOf(item *pb.IngestRequest) *pb.DocumentRef {
	switch it := item.GetItem().(type) {
	case *pb.IngestRequest_Document:
		return &pb.DocumentRef{Source: it.Document.GetSource(), Id: it.Document.GetId()}
	case *pb.IngestRequest_Access:
		return &pb.DocumentRef{Source: it.Access.GetSource(), Id: it.Access.GetId()}
	case *pb.IngestRequest_Delete:
		return &pb.DocumentRef{Source: it.Delete.GetSource(), Id: it.Delete.GetId()}
	default:
		return nil
	}
}
