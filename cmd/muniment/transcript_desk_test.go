package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// deskVerdict is one that was given in a transcript.
type deskVerdict struct {
	by  identity.Request
	req *pb.ResolveConflictRequest
}

// work lists, as whoever asks now, what there is to mend, and of what kinds alone.
func (r *transcriptRun) work(out io.Writer, kinds []string) error {
	req := &pb.ListWorkRequest{}
	for _, k := range kinds {
		req.Kinds = append(req.Kinds, pb.WorkItem_Kind(pb.WorkItem_Kind_value["KIND_"+k]))
	}
	// How often others have retrieved a document is not the same on two servers, so nothing is compared.
	resp, err := pb.NewStewardshipServiceClient(r.whole.conn).ListWork(r.whole.as(r.asker), req)
	if err != nil {
		return err
	}
	var text strings.Builder
	printWork(&text, resp)
	io.WriteString(out, onOneDay(text.String()))
	return nil
}

// conflicts lists, as whoever asks now, what contradicts what; with "all", what is settled too.
func (r *transcriptRun) conflicts(out io.Writer, args []string) error {
	req := &pb.ListConflictsRequest{IncludeResolved: len(args) > 0}
	show := func(out io.Writer, resp proto.Message) {
		r.contested = nil
		for _, c := range resp.(*pb.ListConflictsResponse).GetClusters() {
			r.contested = append(r.contested, c.GetConflicts()...)
		}
		var text strings.Builder
		printConflicts(&text, resp.(*pb.ListConflictsResponse))
		io.WriteString(out, onOneDay(text.String()))
	}
	if !req.GetIncludeResolved() {
		return r.both(out, req, show)
	}
	// When a verdict was given is not the same on two servers, so these are not compared.
	resp, err := pb.NewStewardshipServiceClient(r.whole.conn).ListConflicts(r.whole.as(r.asker), req)
	if err == nil {
		show(out, resp)
	}
	return err
}

// settle settles, as whoever asks now, a conflict by its number in what was listed last.
func (r *transcriptRun) settle(out io.Writer, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("settle takes a number, a verdict and a note")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > len(r.contested) {
		return fmt.Errorf("%q is no conflict that was listed", args[0])
	}
	c := r.contested[n-1]
	v := deskVerdict{r.asker, &pb.ResolveConflictRequest{
		ConflictId: c.GetId(), A: c.GetA().GetDocument(), B: c.GetB().GetDocument(), Verdict: verdicts[args[1]], Note: strings.Join(args[2:], " "),
	}}
	resp, err := pb.NewStewardshipServiceClient(r.whole.conn).ResolveConflict(r.whole.as(v.by), v.req)
	if err != nil {
		fmt.Fprintln(out, errorText(status.Convert(err)))
		return nil
	}
	r.settled = append(r.settled, v)
	fmt.Fprintln(out, "settled:", verdictName(resp.GetConflict().GetResolution().GetVerdict()))
	return nil
}

// settleToo gives a server the verdicts that it has not been given, as far as it has what they
// are about.
func (r *transcriptRun) settleToo(m *mirror) {
	r.t.Helper()
	for ; m.settled < len(r.settled); m.settled++ {
		v := r.settled[m.settled]
		if _, err := pb.NewStewardshipServiceClient(m.conn).ResolveConflict(m.as(v.by), v.req); err != nil && status.Code(err) != codes.NotFound {
			r.t.Fatal(err)
		}
	}
}

var (
	contestedID = regexp.MustCompile(`\b[0-9a-f]{12}\b`)
	settledOn   = regexp.MustCompile(`(settled: .* on )\d{4}-\d\d-\d\d`)
)

// onOneDay takes out of a text what differs from run to run. Empty lines would end a block.
func onOneDay(text string) string {
	text = contestedID.ReplaceAllString(settledOn.ReplaceAllString(text, "${1}TODAY"), "…")
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n\n", "\n"), "\n")
}
