package api

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// sessionLife is how long a sync session lasts without an item if its request does not say.
const sessionLife = time.Hour

// defaultSources is how many sources a page has if its request does not say.
const defaultSources = 100

type sources struct {
	pb.UnimplementedSourceServiceServer
	*handler
}

func (s sources) SetSource(ctx context.Context, req *pb.SetSourceRequest) (*pb.SetSourceResponse, error) {
	name := req.GetSource().GetName()
	c, err := callForSource(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	o, _, err := s.change(ctx, c, catalog.PutSource{Source: name, Settings: toSettings(req.GetSource())})
	if err != nil {
		return nil, err
	}
	return &pb.SetSourceResponse{Source: s.fromSource(*o.Source)}, nil
}

func (s sources) ListSources(ctx context.Context, req *pb.ListSourcesRequest) (*pb.ListSourcesResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	place, err := s.place(c, req)
	if err != nil {
		return nil, err
	}
	all, err := s.Indexer.Store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	if place != nil { // sources are listed by name and never removed, so what a page ended with is there
		last := slices.IndexFunc(all, func(source catalog.Source) bool { return bytes.Equal(fromName(source.Name), place) })
		if last < 0 {
			return nil, errPage
		}
		all = all[last+1:]
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "sources"}}); err != nil {
		return nil, err
	}
	resp, limit := &pb.ListSourcesResponse{}, cmp.Or(int(req.GetLimit()), defaultSources)
	for _, source := range all {
		if !c.may(source.Name) {
			continue
		}
		if len(resp.Sources) == limit {
			resp.NextPageToken, err = s.nextPage(c, req, fromName(resp.Sources[limit-1].GetName()))
			return resp, err
		}
		resp.Sources = append(resp.Sources, s.fromSource(source))
	}
	return resp, nil
}

func (s sources) StartSync(ctx context.Context, req *pb.StartSyncRequest) (*pb.StartSyncResponse, error) {
	c, err := callForSource(ctx, req.GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	life := sessionLife
	if d := req.GetLife().AsDuration(); d > 0 {
		life = d
	}
	o, _, err := s.change(ctx, c, catalog.StartSync{Source: req.GetSource(), Session: catalog.Session{
		ID: audit.NewID(), By: c.User, Life: life, Request: req.GetRequestId(),
	}})
	if err != nil {
		return nil, err
	}
	session := s.fromSource(*o.Source).GetSession()
	session.Id = o.Source.Session.ID
	return &pb.StartSyncResponse{Session: session}, nil
}

func (s sources) CommitSync(ctx context.Context, req *pb.CommitSyncRequest) (*pb.CommitSyncResponse, error) {
	c, err := callForSource(ctx, req.GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	o, at, err := s.change(ctx, c, catalog.CommitSync{
		Source: req.GetSource(), Session: req.GetSession(), Documents: int(req.GetDocuments()),
		Allow: int(req.GetAllowRemovals()), Share: s.SyncGuard,
	})
	if err != nil {
		return nil, err
	}
	token, err := s.consistency(at)
	if err != nil {
		return nil, err
	}
	return &pb.CommitSyncResponse{Seen: int64(o.Source.Seen), Removed: int64(len(o.Removed)), ConsistencyToken: token}, nil
}

func (s sources) AbortSync(ctx context.Context, req *pb.AbortSyncRequest) (*pb.AbortSyncResponse, error) {
	c, err := callForSource(ctx, req.GetSource())
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	_, _, err = s.change(ctx, c, catalog.AbortSync{Source: req.GetSource(), Session: req.GetSession(), Error: req.GetError()})
	return &pb.AbortSyncResponse{}, err
}

// change submits a mutation of a source, waits until it is in force, and puts a refusal in
// words.
func (h *handler) change(ctx context.Context, c call, m catalog.Mutation) (catalog.Outcome, catalog.Revision, error) {
	prepared, err := h.Indexer.Prepare(ctx, m)
	if err != nil {
		return catalog.Outcome{}, 0, err
	}
	ticket, err := h.Indexer.Submit(ctx, indexer.Actor{User: c.User, App: c.App}, prepared, catalog.Request{})
	if err != nil {
		return catalog.Outcome{}, 0, err
	}
	o, at, err := ticket.Wait(ctx)
	if err == nil && o.Refused != nil {
		err = refusedSync(m, o)
	}
	return o, at, err
}

// refusedSync adds to a refusal the counts that the sender needs to see what is wrong.
func refusedSync(m catalog.Mutation, o catalog.Outcome) error {
	sync, ok := m.(catalog.CommitSync)
	if !ok || o.Source == nil {
		return o.Refused
	}
	switch o.Refused {
	case catalog.ErrSyncIncomplete:
		return fail(codes.FailedPrecondition, "SYNC_INCOMPLETE",
			"%d of %d documents were seen; send the rest, then commit again", o.Source.Seen, sync.Documents)
	case catalog.ErrSyncRemoves:
		return fail(codes.FailedPrecondition, "SYNC_REMOVES_TOO_MANY",
			"%d of %d documents would be removed, more than %.0f %%; make sure that they are gone, then commit again with allow_removals = %[1]d",
			o.Source.Unseen, o.Source.Documents, 100*sync.Share)
	}
	return o.Refused
}

func toSettings(s *pb.Source) catalog.SourceSettings {
	return catalog.SourceSettings{
		Cadence: s.GetCadence().AsDuration(), AccessBound: s.GetAccessBound().AsDuration(),
		Contact: s.GetContact(), Clock: catalog.VersionClock(s.GetVersionClock()), ReviewInterval: s.GetReviewInterval().AsDuration(),
	}
}

// fromSource is absent for what is not known. The session's id is a secret of whoever
// opened it.
func (h *handler) fromSource(s catalog.Source) *pb.Source {
	now := h.Now()
	lag, overdue := s.Lag(now)
	out := &pb.Source{
		Name: s.Name, Contact: s.Settings.Contact, VersionClock: pb.VersionClock(s.Settings.Clock),
		Cadence: fromDuration(s.Settings.Cadence), AccessBound: fromDuration(s.Settings.AccessBound), ReviewInterval: fromDuration(s.Settings.ReviewInterval),
		Documents: int64(s.Documents), FirstChange: fromTime(s.First), LastChange: fromTime(s.Last), LastSync: fromTime(s.LastSync),
		WithheldTime: fromTime(s.WithheldFrom()),
		Lag:          fromDuration(lag), Overdue: overdue, Error: s.Error, ErrorTime: fromTime(s.ErrorAt),
	}
	switch session := s.Session; {
	case session == nil:
	case session.Expired(now):
		out.Error, out.ErrorTime = fmt.Sprintf("the session of %s expired", session.By), fromTime(session.Expires())
	default:
		out.Session = &pb.SyncSession{
			StartedBy: string(session.By), StartTime: fromTime(session.Start), ExpireTime: fromTime(session.Expires()),
			Seen: int64(s.Seen), Unseen: int64(s.Unseen),
		}
	}
	return out
}

// fromDuration is absent for none.
func fromDuration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
