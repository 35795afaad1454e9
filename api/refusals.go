package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
)

// How refusals are counted together: for how long, and how many different ones; beyond, no more
// is told apart but why.
const (
	refusalsEvery = time.Second
	refusalsApart = 1000
)

// Refusals counts refusals of which there may be any number, and records the counts, at the
// latest a second after the first of them: of strangers, whom no token speaks for, one record
// for each reason; of callers over their limits, of deactivated users and of items of streams,
// one for each reason and caller. A flood so costs the log a few records a second and hides
// nothing: each of its callers has a record of their own, and so has everybody else.
//
// A crash loses the counts of its last second, and of nothing else.
type Refusals struct {
	log  *audit.Log
	now  func() time.Time
	logs *slog.Logger

	mu      sync.Mutex
	counts  map[refusalKey]*refusals
	timer   *time.Timer // runs while there are counts
	closed  bool
	writing sync.Mutex // held by Flush
}

// refusalKey is what is told apart. The method is not: what a flood calls says little, and
// would multiply its records.
type refusalKey struct {
	code, reason, limit string
	user, app           string
	item                bool
}

// refusals are those of a key.
type refusals struct {
	record audit.Record // of the first of them, without its count
	count  int64
}

// NewRefusals returns one that has counted nothing.
func NewRefusals(log *audit.Log, now func() time.Time, logger *slog.Logger) *Refusals {
	return &Refusals{log: log, now: now, logs: logger, counts: map[refusalKey]*refusals{}}
}

// Count counts a refusal of an app that speaks for no user, or of a stranger, whose app is
// empty: of what identity providers ask by SCIM, which are no calls.
func (r *Refusals) Count(app acl.Principal, why audit.Refusal) {
	c := call{}
	if app != "" {
		c.App, c.Chain = app, []string{string(app)}
	}
	r.count(c, why)
}

// count counts a refusal of the call's caller, who may be nobody.
func (r *Refusals) count(c call, why audit.Refusal) {
	k := refusalKey{why.Code, why.Reason, why.Limit, string(c.User), string(c.App), why.Item}
	r.mu.Lock()
	defer r.mu.Unlock()
	if of := r.counts[k]; of != nil {
		of.add(why.Method, 1)
		return
	}
	record := audit.Record{ID: audit.NewID(), Time: r.now(), Kind: audit.KindRefuse, Refusal: &why}
	if c.User != "" || c.App != "" {
		record.App, record.User, record.Chain = string(c.App), string(c.User), c.Chain
	}
	if c.User != "" {
		record.Groups = audit.GroupsOf(c.Identity)
	}
	r.add(k, &refusals{record, 1})
	r.later()
}

// add adds what has been counted under a key. mu is held.
func (r *Refusals) add(k refusalKey, more *refusals) {
	of := r.counts[k]
	if of == nil && len(r.counts) >= refusalsApart {
		k.user, k.app = "", ""
		more.record.User, more.record.App, more.record.Chain, more.record.Groups = "", "", nil, nil
		of = r.counts[k]
	}
	if of == nil {
		r.counts[k] = more
		return
	}
	of.add(more.record.Refusal.Method, more.count)
	if more.record.Time.Before(of.record.Time) {
		of.record.Time = more.record.Time
	}
}

func (of *refusals) add(method string, count int64) {
	of.count += count
	if of.record.Refusal.Method != method {
		of.record.Refusal.Method = ""
	}
}

// later has the counts recorded soon. mu is held.
func (r *Refusals) later() {
	if r.timer == nil && !r.closed {
		r.timer = time.AfterFunc(refusalsEvery, func() {
			if err := r.Flush(context.Background()); err != nil {
				r.logs.Error("recording refusals", "error", err)
			}
		})
	}
}

// Flush records what has been counted and returns when that is durable. What cannot be
// recorded stays counted, and is tried again.
func (r *Refusals) Flush(ctx context.Context) error {
	r.writing.Lock() // so that nobody returns while another still writes
	defer r.writing.Unlock()
	r.mu.Lock()
	counts := r.counts
	r.counts = map[refusalKey]*refusals{}
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.mu.Unlock()
	if len(counts) == 0 {
		return nil
	}
	records := make([]audit.Record, 0, len(counts))
	for _, of := range counts {
		of.record.Refusal.Count = of.count
		records = append(records, of.record)
	}
	_, err := r.log.AppendAll(ctx, records)
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, of := range counts {
		r.add(k, of)
	}
	r.later()
	return err
}

// Close records what has been counted, and from then on nothing by itself.
func (r *Refusals) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.Flush(context.Background())
}
