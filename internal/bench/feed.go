package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/bench/report"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// feed sends the data set to a server on an empty directory, unless a former run has left it there.
func (r *run) feed(ctx context.Context) error {
	name := filepath.Join(r.dir, "fed")
	want := fmt.Sprintf("%+v\n", r.data.Params)
	if have, err := os.ReadFile(name); err == nil && string(have) == want {
		fmt.Fprintln(r.progress, "the directory holds the data set already: ingestion is not measured")
		return nil
	}
	if err := os.RemoveAll(r.served()); err != nil {
		return err
	}
	if err := os.MkdirAll(r.served(), 0o700); err != nil {
		return err
	}
	c, err := r.serve(ctx, r.served())
	if err != nil {
		return err
	}
	if err := r.send(ctx, c, len(r.data.Parents), r.group); err != nil {
		return fmt.Errorf("sending groups: %w", err)
	}
	start := time.Now()
	if err := r.send(ctx, c, len(r.data.Documents), r.document); err != nil {
		return fmt.Errorf("sending documents: %w", err)
	}
	r.stated("ingestion", "durable, over gRPC, with vectors", float64(r.data.Passages)/time.Since(start).Seconds(), "passages/s", report.AtLeast(3000))
	c.settle()
	if err := c.stop(); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(want), 0o600)
}

// send streams items, and reads the acknowledgements meanwhile.
func (r *run) send(ctx context.Context, c *child, n int, item func(i int) *pb.IngestRequest) error {
	as, err := c.as(ctx, identity.Request{
		Subject: "service:bench", TTL: 12 * time.Hour, Roles: []identity.Grant{{Role: identity.RoleIngest}, {Role: identity.RoleDirectory}},
	})
	if err != nil {
		return err
	}
	stream, err := pb.NewIngestionServiceClient(c.conn).Ingest(as)
	if err != nil {
		return err
	}
	go func() {
		for i := range n {
			if stream.Send(item(i)) != nil {
				return // Recv says why
			}
		}
		stream.CloseSend()
	}()
	for i := 0; ; i++ {
		ack, err := stream.Recv()
		if errors.Is(err, io.EOF) && i == n {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d of %d: %w", i, n, err)
		}
		if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
			return fmt.Errorf("item %d was refused: %v", i, ack.GetError())
		}
		if i%(n/10+1) == n/10 {
			fmt.Fprintf(r.progress, "  %d of %d\n", i+1, n)
		}
	}
}

func groupName(g int) string { return fmt.Sprintf("group:%d", g) }

// group is a group's line: the groups and callers that are directly in it.
func (r *run) group(g int) *pb.IngestRequest {
	if r.members == nil {
		r.members = make([][]string, len(r.data.Parents))
		for child, parent := range r.data.Parents {
			if parent >= 0 {
				r.members[parent] = append(r.members[parent], groupName(child))
			}
		}
		for i, c := range r.data.Callers {
			for _, g := range c.Member {
				r.members[g] = append(r.members[g], string(caller(i)))
			}
		}
	}
	return &pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: groupName(g), Members: r.members[g]}}}
}

// documentID orders documents as the data set does.
func documentID(d int) string { return fmt.Sprintf("%07d", d) }

// document is a document's line.
func (r *run) document(i int) *pb.IngestRequest {
	d := r.data.Documents[i]
	layer := &pb.Layer{Allow: []*pb.Grant{{Principal: string(everything)}}}
	for _, g := range r.data.Policies[d.Policy] {
		layer.Allow = append(layer.Allow, &pb.Grant{Principal: groupName(g)})
	}
	line := &pb.Document{Source: source, Id: documentID(i), Version: 1, VectorSpace: spaceID, Policy: &pb.Policy{Layers: []*pb.Layer{layer}}}
	for p := d.First; p < d.First+d.Count; p++ {
		line.Passages = append(line.Passages, &pb.SuppliedPassage{Text: r.data.Text(p), Vector: r.data.Vector(p)})
	}
	return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: line}}
}
