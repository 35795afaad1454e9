package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Check implements api.Operator.
func (o *operator) Check(ctx context.Context, send func(*pb.CheckResponse) error) (err error) {
	if !o.checking.TryLock() {
		return api.ErrOperationRunning
	}
	defer o.checking.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &checkRun{send: send, cancel: cancel, ok: true}
	defer func() { o.count("check", err, r.ok) }()
	if err := r.steps(ctx, o); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	r.say(&pb.CheckResponse{Ok: &r.ok})
	return context.Cause(ctx)
}

func (r *checkRun) steps(ctx context.Context, o *operator) error {
	if err := r.catalog(ctx, o.store.Check); err != nil {
		return err
	}
	if err := r.audit(ctx, o.cfg.path("audit"), o.keys.LogVerifiers()); err != nil {
		return err
	}
	for _, name := range []string{"keyword", "vector"} {
		if err := r.index(ctx, o.server.Indexer, name); err != nil {
			return err
		}
	}
	return nil
}

// checkRun is one check on its way to whoever asked for it. Once that fails, its context is
// cancelled.
type checkRun struct {
	send   func(*pb.CheckResponse) error
	cancel context.CancelCauseFunc
	ok     bool
	last   time.Time // when progress was last sent
}

func (r *checkRun) say(m *pb.CheckResponse) {
	if err := r.send(m); err != nil {
		r.cancel(err)
	}
}

// progressEvery is how often progress is told.
const progressEvery = 100 * time.Millisecond

func (r *checkRun) progress(part string, done, total int64) {
	if done < total && time.Since(r.last) < progressEvery {
		return
	}
	r.last = time.Now()
	r.say(&pb.CheckResponse{Part: part, Done: done, Total: total})
}

func (r *checkRun) problem(part, text string) {
	r.ok = false
	r.say(&pb.CheckResponse{Part: part, Problem: text})
}

func (r *checkRun) counter(part string) func(done, total int) {
	return func(done, total int) { r.progress(part, int64(done), int64(total)) }
}

// catalog reports each problem that check has found.
func (r *checkRun) catalog(ctx context.Context, check func(context.Context, func(done, total int)) error) error {
	err := check(ctx, r.counter("catalog"))
	if !errors.Is(err, catalog.ErrDamaged) {
		return err
	}
	for _, problem := range joined(err) {
		r.problem("catalog", problem.Error())
	}
	return nil
}

// joined takes a joined error apart.
func joined(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if list, ok := e.(interface{ Unwrap() []error }); ok {
			return list.Unwrap()
		}
	}
	return []error{err}
}

// audit verifies the log in a directory, beside the process that writes it.
func (r *checkRun) audit(ctx context.Context, dir string, verifiers note.Verifiers) error {
	log, err := auditfile.OpenReadOnly(dir)
	if err != nil {
		return err
	}
	defer log.Close()
	report, err := audit.Verify(ctx, counted{log, func(done, total int64) { r.progress("audit", done, total) }}, verifiers, nil)
	if err != nil {
		return err
	}
	if !report.OK {
		r.problem("audit", fmt.Sprintf("record %d: %s", report.First, report.Problem))
	}
	return nil
}

// counted is an audit log that tells how far it has been read.
type counted struct {
	audit.Reader
	progress func(done, total int64)
}

// Entries implements audit.Reader.
func (c counted) Entries(ctx context.Context, from int64) iter.Seq2[audit.Stored, error] {
	return func(yield func(audit.Stored, error) bool) {
		tail, err := c.Tail(ctx)
		if err != nil {
			yield(audit.Stored{}, err)
			return
		}
		for e, err := range c.Reader.Entries(ctx, from) {
			if !yield(e, err) {
				return
			}
			c.progress(min(e.Index+1, tail.Size), tail.Size)
		}
	}
}

// index compares an index with the catalog.
func (r *checkRun) index(ctx context.Context, x *indexer.Indexer, name string) error {
	err := x.Compare(ctx, name, r.counter(name), func(text string) { r.problem(name, text) })
	switch {
	case errors.Is(err, indexer.ErrRebuilding):
		r.problem(name, "it is being rebuilt: check again when that is done")
	case errors.Is(err, indexer.ErrIndexFailed):
		r.problem(name, "it could not be read and is being rebuilt: "+err.Error())
	case errors.Is(err, catalog.ErrDamaged):
		r.problem(name, "it cannot be compared with a damaged catalog: "+err.Error())
	default:
		return err
	}
	return nil
}
