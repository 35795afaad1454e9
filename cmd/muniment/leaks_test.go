package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// TestCallersAtOnce lets callers with different rights put the same questions at the same
// instants, over and over: what is kept between calls, or shared by calls that meet, must
// never be another caller's (LEAK-17), so each hears what a server of their own would say.
// A caller who differs in the guest's mark, clearance or app alone is another caller.
func TestCallersAtOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(company(t)...)
	callers := []identity.Request{
		{Subject: "user:local/finn"}, {Subject: "user:local/guest"}, {Subject: "user:local/guest", Guest: true},
		{Subject: "user:local/finn", Clearance: "restricted"}, {Subject: "user:local/finn", App: "handbook-chat"},
	}
	var calls []worldCall
	retrieve := contract(t)["muniment.v1.RetrievalService.Retrieve"]
	for _, q := range companyQuestions(t)[:5] {
		calls = append(calls, worldCall{retrieve, one(&pb.RetrieveRequest{Query: q.Question})})
	}
	want := make([][]heard, len(callers))
	distinct := map[string]bool{}
	for i, c := range callers {
		alone := startServer(t, t.TempDir()) // which never sees another caller
		alone.mustSend(company(t)...)
		want[i] = alone.answers(alone.as(c), calls)
		alone.stop()
		distinct[fmt.Sprint(want[i][0].wire, want[i][1].wire, want[i][2].wire)] = true
	}
	if len(distinct) < 4 {
		t.Errorf("the callers have only %d different answers", len(distinct))
	}
	got := make([][][]heard, len(callers))
	var asking sync.WaitGroup
	for i, c := range callers {
		asking.Go(func() {
			for range 5 {
				got[i] = append(got[i], s.answers(s.as(c), calls))
			}
		})
	}
	asking.Wait()
	for i, c := range callers {
		for _, answers := range got[i] {
			for j, h := range answers {
				h.mustBe(t, want[i][j], fmt.Sprintf("%+v, alone and among others", c))
			}
		}
	}
}

// TestTokenOfTheFuture asks for a state far ahead of what there is, with a token under the
// server's own seal: the wait is bounded, and the same for every such token (LEAK-16).
func TestTokenOfTheFuture(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	s.mustSend(documentItem(page("one")))
	keys, err := identity.OpenKeyRing(filepath.Join(s.dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	future, err := keys.Seal(identity.PurposeConsistency, nil, binary.BigEndian.AppendUint64(nil, 1<<62), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored", AtLeastAsFresh: future})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "at_least_as_fresh") {
		t.Errorf("a token of revision 1<<62: %v", err)
	}
}

// TestNoResponseHoldsVectors looks through every message that a server sends: the only
// numbers with a fraction are shares and scores, one each, and the only raw bytes are those
// of a backup, for the role admin (LEAK-20). There is no field that an embedding could
// leave by, and none that asks for one.
func TestNoResponseHoldsVectors(t *testing.T) {
	known := map[protoreflect.FullName]bool{
		"muniment.v1.Result.score": true, "muniment.v1.Freshness.ratio": true, "muniment.v1.Conflict.confidence": true, "muniment.v1.TracedPassage.score": true,
		"muniment.v1.ReplayedPassage.score": true, "muniment.v1.WorkItem.priority": true, "muniment.v1.ContestedValue.confidence": true,
		"muniment.v1.DocumentFreshness.ratio": true, "muniment.v1.DocumentFreshness.priority": true,
		"muniment.v1.BackupFile.chunks": true, "muniment.v1.BackupChunk.data": true,
	}
	seen := map[protoreflect.FullName]bool{}
	var look func(m protoreflect.MessageDescriptor)
	look = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] || !strings.HasPrefix(string(m.FullName()), "muniment.") {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			switch f.Kind() {
			case protoreflect.FloatKind, protoreflect.DoubleKind, protoreflect.BytesKind:
				if !known[f.FullName()] || f.IsList() {
					t.Errorf("%s can carry a vector out of the server", f.FullName())
				}
			case protoreflect.MessageKind:
				look(f.Message())
			}
		}
	}
	for _, m := range contract(t) {
		look(m.Output())
	}
	if len(seen) < 30 {
		t.Errorf("only %d messages", len(seen))
	}
}

// TestMetricsAndLogsNameNothing works a server that logs all it can, and then searches what
// it measures and what it has logged for anything that a document, a query, a caller or a
// token said (LEAK-23).
func TestMetricsAndLogsNameNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "muniment.yaml"), "metrics: 127.0.0.1:0\nlog_level: debug\n")
	s := startChildWith(t, dir, func(*exec.Cmd) {})
	const canary = "zzcanary"
	reader := acl.Principal("user:local/" + canary + "-reader")
	doc := func(id, text string, p *pb.Policy) *pb.IngestRequest {
		return documentItem(&pb.Document{
			Source: canary + "-source", Id: canary + id, Version: 1, Title: canary + " title", Text: text, Owner: string(reader), Policy: p,
			Uri: "https://" + canary + ".example/", Labels: map[string]string{canary: canary}, Container: new(canary + "-box"),
		})
	}
	open := everyone()
	open.Inherit = pb.Inherit_INHERIT_REPLACE
	s.send(s.job(),
		&pb.IngestRequest{Item: &pb.IngestRequest_Group{Group: &pb.Group{Name: "group:" + canary, Members: []string{string(reader)}}}},
		doc("-open", canary+" sails.", open), doc("-closed", canary+" sinks.", allow("user:local/nobody")),
		doc("-bad", canary, &pb.Policy{Inherit: 99}), doc("-open", canary+" again", open),
	)
	ctx := s.user(reader)
	methods, w := contract(t), newWorld(23)
	for name, reqs := range otherCalls {
		s.hear(ctx, worldCall{methods[name], reqs(w)})
	}
	for _, p := range secretProbes() {
		s.hear(ctx, worldCall{p.method, p.make(secret{source: canary + "-source", id: canary + "-closed", session: canary, receipt: canary})})
		s.hear(s.job(), worldCall{p.method, p.make(secret{source: canary + "-source", id: canary + "-new", session: canary, receipt: canary})})
	}
	answer, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: canary + " sails"})
	if err != nil || len(answer.GetResults()) == 0 {
		t.Fatalf("%v, %v", answer, err)
	}
	s.hear(bearer(canary+".token"), worldCall{methods["muniment.v1.RetrievalService.Retrieve"], one(&pb.RetrieveRequest{Query: canary})})

	addr := regexp.MustCompile(`serving metrics.* addr=(\S+)`).FindStringSubmatch(s.log.String())
	if addr == nil {
		t.Fatalf("no address of the metrics in the log:\n%s", s.log.String())
	}
	resp, err := http.Get("http://" + addr[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(metrics), "Retrieve") {
		t.Fatalf("%v\n%s", err, metrics)
	}
	s.stop()
	log := s.log.String()
	if !strings.Contains(log, "method=/muniment.v1.RetrievalService/Retrieve") {
		t.Fatalf("the log has no calls:\n%s", log)
	}
	for what, text := range map[string]string{"the metrics": string(metrics), "the log": log} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, canary) || strings.Contains(line, "Bearer") {
				t.Errorf("%s says:\n%s", what, line)
			}
		}
	}
}
