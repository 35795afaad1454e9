package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/cmd/muniment/backup"
	"github.com/muniment/muniment/indexer"
)

// interrupted is a context that does something whenever it is asked whether it has ended,
// which is before and during each step of a long call.
type interrupted struct {
	context.Context
	calls *atomic.Int64
	do    func(call int64)
}

func (c interrupted) Err() error {
	c.do(c.calls.Add(1))
	return c.Context.Err()
}

// TestBackupIsOfOneMoment changes the catalog at every step of a backup, and brings each
// record into the log and out of the outbox at once, the worst that can happen. The backup
// restores: the log is not ahead of the catalog and no change is without its record.
func TestBackupIsOfOneMoment(t *testing.T) {
	t.Parallel()
	cfg := defaultConfig()
	cfg.Data = t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	e, err := openTruth(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	committed := 0
	change := func() {
		committed++
		m := catalog.PutGroup{Group: acl.Principal(fmt.Sprint("group:", committed)), Members: []acl.Principal{"user:local/ada"}}
		_, err := e.store.Commit(context.Background(), catalog.Commit{
			Mutations: []catalog.Mutation{m}, At: time.Now(),
			Record: func(at catalog.Revision, _ int, o catalog.Outcome) [][]byte {
				return changeRecords(at, indexer.Actor{User: "user:local/ada"}, m, o)
			},
		})
		if err != nil {
			t.Error(err)
		}
	}
	change()
	var calls atomic.Int64
	ctx := interrupted{t.Context(), &calls, func(call int64) {
		if call > 30 {
			return
		}
		change()
		drain := e.outbox // the one that the backup holds
		if call > 1 {
			var err error
			if drain, err = audit.NewDrain(context.Background(), e.audit, e.store.Outbox(), quiet); err != nil {
				t.Error(err)
				return
			}
		}
		if err := drain.Close(); err != nil { // appends what is pending, and empties the outbox
			t.Error(err)
		}
	}}

	kept, again := t.TempDir(), filepath.Join(t.TempDir(), "again")
	store, err := backup.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	b := backupMaker{progress: newProgress(os.Stderr, true)}
	if b.writer, err = store.Writer(); err != nil {
		t.Fatal(err)
	}
	if err := b.beside(&target{data: cfg.Data}); err != nil {
		t.Fatal(err)
	}
	if err := e.operator.Backup(ctx, nil, b.take); err != nil {
		t.Fatal(err)
	}
	b.manifest.Time, b.manifest.Checkpoint = b.end.GetTime().AsTime(), b.end.GetCheckpoint()
	if _, err := b.writer.Commit(&b.manifest); err != nil {
		t.Fatal(err)
	}
	store.Close()
	if calls.Load() < 5 {
		t.Fatalf("the backup was interrupted %d times: this test no longer reaches into it", calls.Load())
	}

	r := restorer{from: kept, dir: again, progress: newProgress(os.Stderr, true)}
	if err := r.run(t.Context()); err != nil {
		t.Fatalf("after %d changes: %v", committed, err)
	}
	changes := recordedChanges(t, again)
	for i := range int(r.done.Revision) {
		if n := changes[fmt.Sprintf("put group /group:%d", i+1)]; n != 1 {
			t.Errorf("the log has %d records of change %d of %d", n, i+1, r.done.Revision)
		}
	}
	t.Logf("interrupted %d times; %d changes, %d in the backup, %d records", calls.Load(), committed, r.done.Revision, r.done.Records)
}
