package api

import (
	"context"
	"errors"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever/replay"
)

func (s auditing) ReplayRetrieval(ctx context.Context, req *pb.ReplayRetrievalRequest) (*pb.ReplayRetrievalResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	item, err := s.named(ctx, "retrieval", req.GetRetrieval())
	if err != nil {
		return nil, err
	}
	if item.Record.Retrieval == nil {
		return nil, fieldError{"retrieval", audit.ErrNotFound}
	}
	state, err := s.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	view, err := state.View(c.Identity, s.Now())
	if err != nil {
		return nil, err
	}
	found, err := s.Replayer.Replay(ctx, state, view, item.Record)
	if err != nil {
		return nil, notReplayed(err)
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "replay of " + item.Record.ID}}); err != nil {
		return nil, err
	}
	was, is := item.Record.Retrieval, found.Record.Retrieval
	resp := &pb.ReplayRetrievalResponse{
		RetrievalId: item.Record.ID, Index: item.Index, Time: timestamppb.New(item.Record.Time), Revision: int64(was.Revision),
		Matches: found.Matches(), Differences: found.Fields,
		RecordedDegradations: was.Degradations, ReplayedDegradations: is.Degradations,
		RecordedWithheldSources: was.Withheld, ReplayedWithheldSources: is.Withheld,
	}
	left := &room{bytes: mostText}
	for _, r := range found.Ranks {
		resp.Ranks = append(resp.Ranks, &pb.ReplayedRank{
			Recorded: fromSource(r.Recorded), Replayed: fromSource(r.Replayed), Differences: r.Fields,
			Title: r.Title, Text: left.text(r.Text),
		})
	}
	return resp, nil
}

// fromSource is absent for no passage.
func fromSource(s *audit.Source) *pb.ReplayedPassage {
	if s == nil {
		return nil
	}
	return &pb.ReplayedPassage{
		Rank: int32(s.Rank), Document: &pb.DocumentRef{Source: s.Source, Id: s.ID}, Version: s.Version, ContentHash: s.ContentHash,
		Span: &pb.Span{Start: int32(s.Start), End: int32(s.End)}, Score: s.Score, State: s.State,
		AccessVersion: s.AccessVersion, Policies: s.Policies,
	}
}

// notReplayed is why a retrieval was not made again.
func notReplayed(err error) error {
	limited := func(limit int, unit string) error {
		return detailed(codes.FailedPrecondition, "not replayed: the caller could read more than a replay may take: "+strconv.Itoa(replay.MostPassages)+
			" passages and "+strconv.Itoa(replay.MostBytes>>20)+" MiB of text and vectors, in "+replay.MostTime.String(),
			&errdetails.ErrorInfo{Reason: "REPLAY_TOO_LARGE", Domain: domain, Metadata: map[string]string{"limit": strconv.Itoa(limit) + unit}})
	}
	if e, ok := errors.AsType[*replay.Unsupported](err); ok {
		return fail(codes.FailedPrecondition, "REPLAY_UNSUPPORTED", "not replayed: %s", e.Why)
	}
	switch {
	case errors.Is(err, catalog.ErrPruned):
		return fail(codes.FailedPrecondition, "HISTORY_PRUNED", "not replayed: the catalog's history does not reach back to the recorded revision any more")
	case errors.Is(err, catalog.ErrFuture):
		return fail(codes.FailedPrecondition, "HISTORY_PRUNED", "not replayed: the catalog has no history of the recorded revision: it was restored from a backup made before")
	case errors.Is(err, replay.ErrTooLarge):
		return limited(replay.MostPassages, " passages")
	case errors.Is(err, replay.ErrTooLong):
		return limited(int(replay.MostTime.Seconds()), " s")
	case errors.Is(err, replay.ErrBusy):
		return fail(codes.ResourceExhausted, "REPLAY_BUSY", "not replayed: another replay is being made, and one is made at a time; try again")
	case errors.Is(err, replay.ErrEmbedder):
		return fail(codes.Unavailable, "EMBEDDER_UNAVAILABLE", "not replayed: the query could not be embedded; try again later")
	}
	return err
}
