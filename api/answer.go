package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
)

// RecordAnswer looks at what the caller's own retrievals returned, by their records, and at
// nothing else: what the caller may read now has no part in it.
func (s retrieval) RecordAnswer(ctx context.Context, req *pb.RecordAnswerRequest) (*pb.RecordAnswerResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	answer, err := toAnswer(req)
	if err != nil {
		return nil, err
	}
	if answer.Request != "" {
		// Two of one request at once would both find that there was none.
		defer s.reporting.lock(c.Binding(), answer.Request)()
		if item, found, err := s.reported(ctx, c, answer); err != nil || found {
			c.recorded.Store(found) // by the first report
			return s.fromAnswer(c, item, err)
		}
	}
	own, err := s.own(ctx, c, req.GetRetrievalIds())
	if err != nil {
		return nil, err
	}
	if answer.Citations, err = resolve(audit.NewShown(own), req.GetCitations()); err != nil {
		return nil, err
	}
	record := audit.Record{
		ID: c.id, Time: s.Now(), Kind: audit.KindAnswer, App: string(c.App), User: string(c.User), Chain: c.Chain,
		Groups: audit.GroupsOf(c.Identity), Answer: answer,
	}
	entry, err := recorder{s.Audit}.Append(ctx, record)
	if err != nil {
		err = errors.Join(retriever.ErrNotRecorded, err)
	}
	// failpoint: api/answer-recorded
	return s.fromAnswer(c, audit.Item{Entry: entry, Record: record}, err)
}

// toAnswer is what the request reports, without its citations.
func toAnswer(req *pb.RecordAnswerRequest) (*audit.Answer, error) {
	a := &audit.Answer{
		Retrievals: req.GetRetrievalIds(), Model: req.GetModel(), PromptID: req.GetPromptId(), PromptVersion: req.GetPromptVersion(),
		Hash: req.GetAnswerHash(), Text: req.GetAnswerText(), Outcome: strings.TrimPrefix(req.GetOutcome().String(), "OUTCOME_"),
		Request: req.GetRequestId(),
	}
	if a.Hash == "" {
		a.Hash = hexSum([]byte(a.Text))
	}
	if a.Request != "" {
		all, err := proto.MarshalOptions{Deterministic: true}.Marshal(req)
		if err != nil {
			return nil, err
		}
		a.RequestHash = hexSum(all)
	}
	return a, nil
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// reported returns the record of the same request, if there is one.
func (h *handler) reported(ctx context.Context, c call, answer *audit.Answer) (audit.Item, bool, error) {
	for item, err := range h.Audit.Find(ctx, audit.OfRequest(string(c.User), string(c.App), answer.Request), audit.Newest) {
		switch {
		case err != nil:
			return item, false, err
		case item.Record.Answer.RequestHash != answer.RequestHash:
			return item, false, fieldError{"request_id", catalog.ErrRequestReused}
		}
		return item, true, nil
	}
	return audit.Item{}, false, nil
}

// own returns the records of the caller's own retrievals.
func (h *handler) own(ctx context.Context, c call, ids []string) ([]audit.Record, error) {
	var list []audit.Record
	for _, id := range ids {
		item, err := h.recorded(ctx, id)
		if err != nil {
			return nil, err
		}
		r := item.Record
		if r.Kind != audit.KindRetrieve || r.Retrieval == nil || r.User != string(c.User) || r.App != string(c.App) {
			return nil, audit.ErrNotFound
		}
		list = append(list, r)
	}
	return list, nil
}

// recorded returns the record of that id. Error: audit.ErrNotFound.
func (h *handler) recorded(ctx context.Context, id string) (audit.Item, error) {
	for item, err := range h.Audit.Find(ctx, audit.WithID(id), audit.Newest) {
		return item, err
	}
	return audit.Item{}, audit.ErrNotFound
}

// fromAnswer is the response that stands for an answer's record.
func (h *handler) fromAnswer(c call, item audit.Item, err error) (*pb.RecordAnswerResponse, error) {
	if err != nil {
		return nil, err
	}
	receipt, err := h.receipt(item.Entry)
	if err != nil {
		return nil, err
	}
	answer := item.Record.Answer
	resp := &pb.RecordAnswerResponse{AnswerId: item.Record.ID, Receipt: receipt, AnswerHash: answer.Hash, RequestId: c.id}
	for i, cited := range answer.Citations {
		if !cited.Resolved() {
			resp.Unresolved = append(resp.Unresolved, int32(i))
		}
	}
	return resp, nil
}

// longReference is how much of a reference that means nothing is kept; of a longer one, its
// hash, so that a record fits whatever an app sends.
const longReference = 512

// resolve says which passages the citations mean.
func resolve(shown *audit.Shown, citations []*pb.Citation) (list []audit.Citation, err error) {
	for i, c := range citations {
		cited, index, err := toCitation(c)
		if err != nil {
			return nil, invalid("INVALID_FIELD", violation{fmt.Sprintf("citations[%d].%v", i, err), "ends before it begins"})
		}
		cited = shown.Resolve(cited, index)
		if len(cited.Reference) > longReference {
			cited.Reference = "sha256:" + hexSum([]byte(cited.Reference))
		}
		list = append(list, cited)
	}
	return list, nil
}

// toCitation is a citation as it came, and the place among all passages that it names, -1 if
// none. An error names the field with a span that ends before it begins.
func toCitation(c *pb.Citation) (cited audit.Citation, index int, err error) {
	index = -1
	span, field := c.GetAnswerSpan(), "answer_span.end"
	switch at := c.GetLocation().(type) {
	case *pb.Citation_CitationId:
		cited.Form, cited.Reference = "citation_id", at.CitationId
	case *pb.Citation_FileCitation:
		cited.Form, cited.Reference = "file_citation", at.FileCitation.GetFileId()
	case *pb.Citation_UrlCitation:
		cited.Form, cited.Reference = "url_citation", at.UrlCitation.GetUrl()
		if span == nil {
			span, field = &pb.AnswerSpan{Start: at.UrlCitation.GetStartIndex(), End: at.UrlCitation.GetEndIndex()}, "url_citation.end_index"
		}
	case *pb.Citation_SearchResultLocation:
		cited.Form, cited.Reference = "search_result_location", at.SearchResultLocation.GetSource()
		index = int(at.SearchResultLocation.GetSearchResultIndex())
		if quoted := at.SearchResultLocation.GetCitedText(); quoted != "" {
			cited.QuoteHash = hexSum([]byte(quoted))
		}
	}
	if span.GetEnd() < span.GetStart() {
		return cited, index, errors.New(field)
	}
	cited.Start, cited.End = int(span.GetStart()), int(span.GetEnd())
	return cited, index, nil
}

// locks are some mutexes, shared by what hashes alike.
type locks struct {
	once sync.Once
	seed maphash.Seed
	all  [64]sync.Mutex
}

// lock locks that of a caller's request and returns what unlocks it.
func (l *locks) lock(caller []byte, request string) (unlock func()) {
	l.once.Do(func() { l.seed = maphash.MakeSeed() })
	m := &l.all[maphash.Bytes(l.seed, append(caller, request...))%uint64(len(l.all))]
	m.Lock()
	return m.Unlock
}
