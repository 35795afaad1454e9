package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// abortWithin is how long ending a session may hold up a program that is ending itself.
const abortWithin = 5 * time.Second

func (r *folderRun) sources() pb.SourceServiceClient { return pb.NewSourceServiceClient(r.conn) }

// persist calls until the call is answered. Broken says whether an attempt went missing.
func (r *folderRun) persist(ctx context.Context, call func(context.Context, ...grpc.CallOption) error) (broken bool, err error) {
	b := backoff{limit: r.retryFor}
	for {
		if err = call(ctx); err == nil {
			return broken, nil
		}
		if again := b.wait(ctx, err); again != nil {
			return broken, again
		}
		broken = true
		r.conn.ResetConnectBackoff()
	}
}

// listed returns the source as the server shows it, nil if it is new.
func (r *folderRun) listed(ctx context.Context) (*pb.Source, error) {
	list, err := allSources(ctx, r.sources())
	if err != nil {
		return nil, err
	}
	return namedSource(list, r.source), nil
}

func namedSource(list []*pb.Source, name string) *pb.Source {
	for _, s := range list {
		if s.GetName() == name {
			return s
		}
	}
	return nil
}

// register says once that the source's versions are microseconds, and leaves all else that
// is set as it is.
func (r *folderRun) register(ctx context.Context) error {
	if r.registered {
		return nil
	}
	s, err := r.listed(ctx)
	if err != nil {
		return err
	}
	if s == nil {
		s = &pb.Source{Name: r.source}
	}
	switch s.GetVersionClock() {
	case pb.VersionClock_VERSION_CLOCK_UNIX_MICROS:
	case pb.VersionClock_VERSION_CLOCK_UNSPECIFIED:
		s.VersionClock = pb.VersionClock_VERSION_CLOCK_UNIX_MICROS
		if _, err := r.sources().SetSource(ctx, &pb.SetSourceRequest{Source: s}); err != nil {
			return err
		}
	default:
		return usagef("source %s counts its versions as %s, and a folder's are unix-micros: something else feeds it; pass another --source, or 'muniment source set %[1]s --version-clock unix-micros'",
			r.source, clockName(s.GetVersionClock()))
	}
	r.registered = true
	return nil
}

// startSession opens the sync session, or the one that an earlier run on the same folder
// left open. It is nil if nothing is to be removed.
func (r *folderRun) startSession(ctx context.Context) (*pb.SyncSession, error) {
	if r.noRemovals {
		return nil, nil
	}
	name := sha256.Sum256([]byte(r.source + "\x00" + r.folder.Dir()))
	var session *pb.SyncSession
	_, err := r.persist(ctx, func(ctx context.Context, opts ...grpc.CallOption) error {
		resp, err := r.sources().StartSync(ctx, &pb.StartSyncRequest{Source: r.source, RequestId: "folder:" + hex.EncodeToString(name[:16])}, opts...)
		session = resp.GetSession()
		return err
	})
	if reason(status.Convert(err)) == "SYNC_IN_PROGRESS" {
		text := fmt.Sprintf("another sync session of source %s is open", r.source)
		if s, listErr := r.listed(ctx); listErr == nil && s.GetSession() != nil {
			text += fmt.Sprintf(", begun by %s at %s", s.GetSession().GetStartedBy(), s.GetSession().GetStartTime().AsTime().Format(time.RFC3339))
		}
		return nil, codedError{exitRefused, text + "\nwait until it ends; if whatever opened it is dead, 'muniment source abort " + r.source + "'"}
	}
	return session, err
}

// commit removes what the folder no longer has.
func (r *folderRun) commit(ctx context.Context, session *pb.SyncSession, p *folderPass) error {
	var resp *pb.CommitSyncResponse
	broken, err := r.persist(ctx, func(ctx context.Context, opts ...grpc.CallOption) (err error) {
		resp, err = r.sources().CommitSync(ctx, &pb.CommitSyncRequest{
			Source: r.source, Session: session.GetId(), Documents: int64(p.documents), AllowRemovals: r.allowRemovals,
		}, opts...)
		return err
	})
	switch reason(status.Convert(err)) {
	case "SYNC_REMOVES_TOO_MANY":
		return r.tooMany(ctx, err)
	case "SYNC_NOT_OPEN":
		// The answer to an attempt may have been lost, and the session be committed.
		if s, listErr := r.listed(ctx); broken && listErr == nil && s.GetLastSync() != nil && !s.GetLastSync().AsTime().Before(session.GetStartTime().AsTime()) {
			p.committed, p.removed = true, -1
			return nil
		}
	}
	if err != nil {
		return err
	}
	p.committed, p.removed = true, int(resp.GetRemoved())
	r.allowRemovals = 0 // it was about these removals, not about those of a later look
	return nil
}

// tooMany says what would be removed and what to do about it.
func (r *folderRun) tooMany(ctx context.Context, refused error) error {
	s, err := r.listed(ctx)
	if err != nil || s.GetSession() == nil {
		return refused
	}
	n := s.GetSession().GetUnseen()
	return codedError{exitRefused, fmt.Sprintf(`%d of the %d documents of source %s are not in %s, which is more than may go unasked; none was removed, all else was sent
is the folder complete: the right directory, the right branch, everything mounted?
if they are really gone, run this again with --allow-removals %[1]d; to keep them, with --no-removals`, n, s.GetDocuments(), r.source, r.folder.Dir())}
}

// abort ends the session, so that nobody has to wait until it expires. If the server
// cannot be reached, the next run takes the session up again.
func (r *folderRun) abort(ctx context.Context, session *pb.SyncSession, why error) {
	text, _, _ := strings.Cut(explain(why), "\n")
	if errors.Is(why, context.Canceled) && ctx.Err() != nil {
		text = "interrupted"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortWithin)
	defer cancel()
	if len(text) > 1024 {
		text = strings.ToValidUTF8(text[:1024], "")
	}
	_, err := r.sources().AbortSync(ctx, &pb.AbortSyncRequest{Source: r.source, Session: session.GetId(), Error: text})
	if err != nil && reason(status.Convert(err)) != "SYNC_NOT_OPEN" {
		r.say("the sync session could not be ended (%s); the next run on this folder goes on with it", explain(err))
	}
}
