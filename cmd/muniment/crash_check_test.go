package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl/reference"
	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// crashAskers are who reads: first the one who may read every document.
var crashAskers = append([]worldAsker{{
	token:  identity.Request{Subject: crashReader, Clearance: "restricted"},
	caller: reference.Caller{Principal: crashReader, Clearance: "restricted", App: "restricted"},
}}, worldAskers...)

// check compares what a server says with the model, while nothing changes: every document
// as the reader has it, and as others have it or not; and what is found by the word that
// all hold. A thorough check asks for everybody, others for some; a fatal one kills the
// server at a random moment. It reports whether the server has lived through it.
func (h *house) check(v *victim, thorough, fatal bool) bool {
	world, now := h.world(), time.Now()
	list, states := h.documents()
	var calls []func() bool
	for i, asker := range crashAskers {
		for _, x := range list {
			if i == 0 || thorough || h.rand.IntN(4) == 0 {
				may := asker.may(world, x, now)
				calls = append(calls, func() bool { return h.checkDocument(v, asker, x, states[x], may) })
			}
		}
		for _, source := range crashSources {
			if i == 0 || thorough || h.rand.IntN(4) == 0 {
				expected := map[thing]int64{}
				for _, x := range list {
					if x.source == source && asker.may(world, x, now) {
						expected[x] = states[x].version
					}
				}
				calls = append(calls, func() bool { return h.checkSearch(v, asker, source, expected) })
			}
		}
	}
	h.rand.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	if fatal {
		v.light(1+h.rand.IntN(len(calls)+1), func() { v.killWithin(h.rand, lastTime) })
	}
	var next atomic.Int64
	var alive atomic.Bool
	alive.Store(true)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(calls) && alive.Load(); i = next.Add(1) - 1 {
				if !calls[i]() {
					alive.Store(false)
				}
				v.burn()
			}
		})
	}
	callers.Wait()
	return alive.Load()
}

// may reports whether the asker may read the document, as the reference evaluator judges.
func (a worldAsker) may(w reference.World, x thing, now time.Time) bool {
	return (a.sources == nil || slices.Contains(a.sources, x.source)) && reference.Reads(w, a.caller, key(x.source, x.id), now)
}

// checkDocument reads one document.
func (h *house) checkDocument(v *victim, asker worldAsker, x thing, s state, may bool) (alive bool) {
	got, alive := h.read(v, asker, x)
	if !alive {
		return false
	}
	h.note(func() { h.visits++ })
	if (got != nil) != may {
		h.fault(wrongAnswer, "%s reads %v: %t, and by the model %t", asker.token.Subject, x, got != nil, may)
		return true
	}
	if got == nil {
		return true
	}
	for name, same := range map[string]bool{
		"version": got.GetVersion() == s.version, "text": got.GetText() == s.content.GetText(), "title": got.GetTitle() == s.content.GetTitle(),
		"labels": maps.Equal(got.GetLabels(), s.content.GetLabels()), "owner": got.GetOwner() == s.content.GetOwner(),
		"container": got.GetContainer() == s.container, "sensitivity": got.GetSensitivity() == s.label(),
	} {
		if !same {
			h.fault(wrongAnswer, "%v is version %d with another %s than the model's version %d", x, got.GetVersion(), name, s.version)
		}
	}
	return true
}

// checkSearch searches a source for the word that all documents hold: exactly those that
// the asker may read are found, in the versions they have.
func (h *house) checkSearch(v *victim, asker worldAsker, source string, want map[thing]int64) (alive bool) {
	got, alive := h.retrieve(v, asker, &pb.RetrieveRequest{Query: crashWord, Limit: 100, Filter: &pb.Filter{Sources: []string{source}}})
	if !alive || got == nil || len(got.GetDegradations()) > 0 {
		return alive
	}
	h.note(func() { h.visits++ })
	found := map[thing]int64{}
	for _, r := range got.GetResults() {
		found[thing{"document", r.GetDocument().GetSource(), r.GetDocument().GetId()}] = r.GetVersion()
	}
	if !maps.Equal(found, want) {
		h.fault(wrongAnswer, "%s finds in %s %v, and by the model %v", asker.token.Subject, source, found, want)
	}
	return true
}

// ask reads and searches at random, until it is over or the server is gone.
func (h *house) ask(v *victim, rng *rand.Rand, over <-chan struct{}) {
	w := newWorld(rng.Uint64())
	for alive := true; alive; v.burn() {
		select {
		case <-over:
			return
		default:
		}
		asker := pick(w, crashAskers...)
		if x := (thing{"document", pick(w, crashSources...), fmt.Sprintf("%02d", w.IntN(perSource))}); w.IntN(3) == 0 {
			_, alive = h.read(v, asker, x)
		} else {
			_, alive = h.retrieve(v, asker, &pb.RetrieveRequest{Query: w.text(1 + w.IntN(4)), Limit: int32(pick(w, 3, 10, 50))})
		}
	}
}

// read calls GetDocument. The answer is nil if the server says that there is none. Alive
// is false once the server is not.
func (h *house) read(v *victim, asker worldAsker, x thing) (_ *pb.GetDocumentResponse, alive bool) {
	got, err := v.documents().GetDocument(v.as(asker.token), &pb.GetDocumentRequest{Document: &pb.DocumentRef{Source: x.source, Id: x.id}})
	if status.Code(err) == codes.NotFound {
		return nil, true
	}
	if err != nil {
		return nil, h.failed(v, fmt.Sprintf("reading %v", x), err)
	}
	h.heard(got.GetRequestId(), "a read of "+x.String())
	if sent := h.sentVersion(x, got.GetVersion()); sent == nil || got.GetText() != sent.GetText() || got.GetContentHash() != hashOf(sent) {
		h.fault(wrongAnswer, "%v was read in version %d, and is not what was sent as that", x, got.GetVersion())
	}
	return got, true
}

// retrieve calls Retrieve, and compares every passage with what was sent as that version of
// its document. The answer is nil if the server can search nothing at the moment.
func (h *house) retrieve(v *victim, asker worldAsker, req *pb.RetrieveRequest) (_ *pb.RetrieveResponse, alive bool) {
	got, err := v.retrieval().Retrieve(v.as(asker.token), req)
	if err != nil {
		return nil, h.failed(v, fmt.Sprintf("searching for %q", req.GetQuery()), err)
	}
	h.heard(got.GetRetrievalId(), fmt.Sprintf("a search for %q", req.GetQuery()))
	for _, r := range got.GetResults() {
		x := thing{"document", r.GetDocument().GetSource(), r.GetDocument().GetId()}
		sent := h.sentVersion(x, r.GetVersion())
		if sent == nil {
			h.fault(wrongAnswer, "%v was found in version %d, which was never sent", x, r.GetVersion())
			continue
		}
		text, span := []rune(sent.GetText()), r.GetSpan()
		if int(span.GetEnd()) > len(text) || span.GetStart() > span.GetEnd() || string(text[span.GetStart():span.GetEnd()]) != r.GetText() ||
			r.GetContentHash() != hashOf(sent) || r.GetTitle() != sent.GetTitle() {
			h.fault(wrongAnswer, "a passage of %v, version %d, is not what was sent as that", x, r.GetVersion())
		}
	}
	return got, h.report(v, asker, got)
}

// report calls RecordAnswer for a search, twice as one request.
func (h *house) report(v *victim, asker worldAsker, of *pb.RetrieveResponse) (alive bool) {
	req := &pb.RecordAnswerRequest{
		RetrievalIds: []string{of.GetRetrievalId()}, Answer: &pb.RecordAnswerRequest_AnswerText{AnswerText: "yes"}, Outcome: pb.Outcome_OUTCOME_SHOWN,
		RequestId: of.GetRetrievalId(),
	}
	for _, r := range of.GetResults() {
		req.Citations = append(req.Citations, &pb.Citation{Location: &pb.Citation_CitationId{CitationId: r.GetCitationId()}})
	}
	var first string
	for range 2 {
		got, err := v.retrieval().RecordAnswer(v.as(asker.token), req)
		if err != nil {
			return h.failed(v, "reporting an answer", err)
		}
		h.heard(got.GetAnswerId(), "a report of an answer")
		if len(got.GetUnresolved()) > 0 || first != "" && got.GetAnswerId() != first {
			h.fault(wrongAnswer, "a report of an answer: %v, and before it %q", got, first)
		}
		first = got.GetAnswerId()
	}
	return true
}

// failed reports a call that failed although the server is alive, and returns false.
func (h *house) failed(v *victim, what string, err error) (alive bool) {
	if !v.dying(err) {
		h.fault(broken, "%s: %v", what, err)
	}
	return false
}

func hashOf(d *pb.Document) string {
	sum := sha256.Sum256([]byte(d.GetText()))
	return hex.EncodeToString(sum[:])
}
