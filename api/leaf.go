package api

import (
	"context"
	"encoding/binary"
	"iter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// mostLooked is how many records are looked at for one page.
const mostLooked = 10_000

// longestCall is more than passes between the time that a record of a call bears and its
// being appended.
const longestCall = time.Hour

// paging is a request for a page of records.
type paging interface {
	paged
	GetFrom() *timestamppb.Timestamp
	GetUntil() *timestamppb.Timestamp
}

// leaf returns the next records of a page that match, and the token of the page after it.
// Items gives those below an index, newest first.
func (h *handler) leaf(c call, req paging, limit int, items func(before int64) iter.Seq2[audit.Item, error], match func(audit.Item) bool) (list []audit.Item, next string, err error) {
	before, err := h.before(c, req)
	if err != nil {
		return nil, "", err
	}
	from, until := toTime(req.GetFrom()), toTime(req.GetUntil())
	looked := 0
	for item, err := range items(before) {
		if err != nil {
			return nil, "", err
		}
		if over(item, from) {
			return list, "", nil
		}
		looked++
		fits := within(item, from, until) && match(item)
		if fits && len(list) < limit {
			list, before = append(list, item), item.Index
		} else if fits || looked >= mostLooked {
			if !fits {
				before = item.Index
			}
			next, err = h.nextPage(c, req, binary.BigEndian.AppendUint64(nil, uint64(before)))
			return list, next, err
		}
	}
	return list, "", nil
}

// before is the index that the page asked for is below.
func (h *handler) before(c call, req paged) (int64, error) {
	place, err := h.place(c, req)
	switch {
	case err != nil:
		return 0, err
	case place == nil:
		return audit.Newest, nil
	case len(place) != 8:
		return 0, errPage
	}
	return int64(binary.BigEndian.Uint64(place)), nil
}

// within reports whether the record is of a time in [from, until); zero bounds are open. An
// erased one has no time.
func within(item audit.Item, from, until time.Time) bool {
	if from.IsZero() && until.IsZero() {
		return true
	}
	t := item.Record.Time
	return !item.Erased && !t.Before(from) && (until.IsZero() || t.Before(until))
}

// over reports whether no record before this one is of the instant or later. A record of a
// call is appended soon after the time that it bears, and those of changes never before it:
// what stands before the record was appended before the instant, and bears an earlier time.
func over(item audit.Item, from time.Time) bool {
	return !from.IsZero() && !item.Erased && item.Record.Kind != audit.KindChange && item.Record.Time.Add(longestCall).Before(from)
}

// defaultRetrievals is how many retrievals a page has if its request does not say.
const defaultRetrievals = 20

// ListRetrievals tells of each retrieval what the caller said, and nothing of what was found:
// the caller may not read that any more.
func (s retrieval) ListRetrievals(ctx context.Context, req *pb.ListRetrievalsRequest) (*pb.ListRetrievalsResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	items := func(before int64) iter.Seq2[audit.Item, error] {
		return s.Audit.Find(ctx, audit.ByCaller(string(c.User), string(c.App)), before)
	}
	list, next, err := s.leaf(c, req, orDefault(req.GetLimit(), defaultRetrievals), items, func(item audit.Item) bool {
		return item.Record.Kind == audit.KindRetrieve && item.Record.Retrieval != nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "retrievals"}}); err != nil {
		return nil, err
	}
	resp := &pb.ListRetrievalsResponse{NextPageToken: next}
	for _, item := range list {
		resp.Retrievals = append(resp.Retrievals, &pb.PastRetrieval{
			RetrievalId: item.Record.ID, Time: timestamppb.New(item.Record.Time), Query: item.Record.Retrieval.Query,
		})
	}
	return resp, nil
}

func orDefault(limit int32, otherwise int) int {
	if limit == 0 {
		return otherwise
	}
	return int(limit)
}
