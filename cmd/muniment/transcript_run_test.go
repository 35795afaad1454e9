package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// transcriptRun is one run of a transcript: the server that has everything, what it was
// sent, and servers that never held what some asker may not read.
type transcriptRun struct {
	t     *testing.T
	whole *server
	items []*pb.IngestRequest // accepted, in order
	asker identity.Request
	soon  time.Time

	usesSoon, waited, late bool

	compared *atomic.Int64 // answers
	told     told

	contested []*pb.ContestedValue // listed last
	settled   []deskVerdict

	mirrors []*mirror
	seen    map[string][]*pb.IngestRequest // what visible found, by asker and state
	askers  map[string]identity.Request
	asked   []proto.Message
}

func newTranscriptRun(t *testing.T, soon time.Duration) *transcriptRun {
	return &transcriptRun{t: t, whole: startServer(t, t.TempDir()), soon: time.Now().Add(soon), askers: map[string]identity.Request{}, seen: map[string][]*pb.IngestRequest{}}
}

func (r *transcriptRun) close() {
	r.whole.stop()
	for _, m := range r.mirrors {
		m.stop()
	}
}

func (r *transcriptRun) run(out io.Writer, command string) error {
	verb, rest, _ := strings.Cut(command, " ")
	switch verb {
	case "ingest":
		return r.ingest(out, rest, identity.Request{})
	case "send":
		return r.ingest(out, rest, r.asker)
	case "restart":
		r.whole.stop()
		r.whole = startServer(r.t, r.whole.dir)
		return nil
	case "wait":
		time.Sleep(time.Until(r.soon))
		r.waited = true
		return nil
	}
	args, err := words(rest)
	if err != nil {
		return err
	}
	switch verb {
	case "as":
		r.asker, err = parseAsker(args)
		return err
	case "who":
		return r.both(out, &pb.GetCallerRequest{}, describe)
	case "ask", "find":
		req, err := parseQuestion(args)
		if err != nil {
			return err
		}
		return r.both(out, req, map[string]describer{"ask": describe, "find": brief}[verb])
	case "get", "may":
		if len(args) != 2 {
			return fmt.Errorf("%s takes a source and an id", verb)
		}
		req := &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: args[0], Id: args[1]}}
		return r.both(out, req, map[string]describer{"get": describe, "may": brief}[verb])
	case "work":
		return r.work(out, args)
	case "conflicts":
		return r.conflicts(out, args)
	case "settle":
		return r.settle(out, args)
	case "tell":
		return r.report(out, args)
	case "trace":
		return r.trace(out)
	case "answers":
		if len(args) != 2 {
			return fmt.Errorf("answers takes a source and an id")
		}
		return r.answers(out, args[0], args[1])
	default:
		return fmt.Errorf("unknown command")
	}
}

func parseQuestion(args []string) (*pb.RetrieveRequest, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("ask what?")
	}
	req := &pb.RetrieveRequest{Query: args[0], Filter: &pb.Filter{}}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "limit":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, err
			}
			req.Limit = int32(n)
		case "source":
			req.Filter.Sources = append(req.Filter.Sources, value)
		case "container":
			source, id, _ := strings.Cut(value, "/")
			req.Filter.Containers = append(req.Filter.Containers, &pb.DocumentRef{Source: source, Id: id})
		case "label":
			k, v, _ := strings.Cut(value, "=")
			req.Filter.Labels = map[string]string{k: v}
		case "owner":
			req.Filter.Owners = append(req.Filter.Owners, value)
		case "state":
			req.Filter.States = append(req.Filter.States, pb.Freshness_State(pb.Freshness_State_value["STATE_"+value]))
		case "trust":
			req.Trust = pb.Trust(pb.Trust_value["TRUST_"+value])
		default:
			return nil, fmt.Errorf("ask knows no %q", arg)
		}
	}
	return req, nil
}

// ingest sends a line, or the company, and prints what became of it.
func (r *transcriptRun) ingest(out io.Writer, text string, by identity.Request) error {
	ctx := r.whole.job()
	if by.Subject != "" {
		ctx = r.whole.as(by)
	}
	if text == "company" {
		items := company(r.t)
		counts := map[pb.IngestResponse_Status]int{}
		for _, ack := range r.whole.send(ctx, items...) {
			counts[ack.GetStatus()]++
		}
		r.items = append(r.items, items...)
		for _, s := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(out, "%d %s\n", counts[s], lower(s.String(), "STATUS_"))
		}
		return nil
	}
	r.usesSoon = r.usesSoon || strings.Contains(text, "$SOON")
	item := line(r.t, strings.ReplaceAll(text, "$SOON", r.soon.UTC().Format(time.RFC3339Nano)))
	ack := r.whole.send(ctx, item)[0]
	if ack.GetStatus() == pb.IngestResponse_STATUS_REFUSED {
		fmt.Fprintln(out, "refused:", errorText(status.FromProto(ack.GetError())))
		return nil
	}
	r.items = append(r.items, item)
	fmt.Fprint(out, lower(ack.GetStatus().String(), "STATUS_"))
	for _, n := range ack.GetNotices() {
		fmt.Fprint(out, ", ", lower(n.String(), "NOTICE_"))
	}
	fmt.Fprintln(out)
	return nil
}

// both asks the whole server and the one without what is hidden, and prints the answer.
func (r *transcriptRun) both(out io.Writer, req proto.Message, show describer) error {
	r.askers[fmt.Sprint(r.asker)] = r.asker
	r.asked = append(r.asked, req)
	resp, at, err := r.compare(r.asker, req)
	if !r.waited && !at.IsZero() && !at.Before(r.soon) && r.usesSoon {
		r.late = true
	}
	if err != nil {
		fmt.Fprintln(out, errorText(status.Convert(err)))
		return nil
	}
	r.remember(resp)
	show(out, resp)
	return nil
}

// compare returns the whole server's answer, after comparing it with that of a server that
// never held what the asker may not read now. At is when the second server answered.
func (r *transcriptRun) compare(asker identity.Request, req proto.Message) (resp proto.Message, at time.Time, err error) {
	r.t.Helper()
	method, resp := methodOf(req)
	if err = r.whole.conn.Invoke(r.whole.as(asker), method, req, resp); err != nil && status.Code(err) == codes.Unavailable {
		return nil, at, err
	}
	m := r.mirror(r.visible(asker))
	r.settleToo(m)
	_, first := methodOf(req)
	_, second := methodOf(req)
	with := r.whole.call(r.whole.as(asker), method, req, first)
	without := m.call(m.as(asker), method, req, second)
	if at = time.Now(); r.waited || at.Before(r.soon) || !r.usesSoon {
		with.mustBe(r.t, without, fmt.Sprint(asker.Subject, ", with and without what is hidden"))
		r.compared.Add(1)
	}
	return resp, at, err
}

// askEverybodyEverything lets every asker of the transcript put every question of it to
// both kinds of server.
func (r *transcriptRun) askEverybodyEverything() {
	for _, key := range slices.Sorted(maps.Keys(r.askers)) {
		for _, req := range r.asked {
			r.compare(r.askers[key], req)
		}
	}
}

// methodOf is the method that takes the request, and an empty response of it.
func methodOf(req proto.Message) (string, proto.Message) {
	switch req.(type) {
	case *pb.RetrieveRequest:
		return pb.RetrievalService_Retrieve_FullMethodName, &pb.RetrieveResponse{}
	case *pb.GetDocumentRequest:
		return pb.DocumentService_GetDocument_FullMethodName, &pb.GetDocumentResponse{}
	case *pb.GetCallerRequest:
		return pb.DirectoryService_GetCaller_FullMethodName, &pb.GetCallerResponse{}
	case *pb.ListWorkRequest:
		return pb.StewardshipService_ListWork_FullMethodName, &pb.ListWorkResponse{}
	case *pb.ListConflictsRequest:
		return pb.StewardshipService_ListConflicts_FullMethodName, &pb.ListConflictsResponse{}
	default:
		return pb.DirectoryService_GetGroup_FullMethodName, &pb.GetGroupResponse{}
	}
}
