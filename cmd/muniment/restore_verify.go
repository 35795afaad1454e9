package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
)

// errNotRestorable says that a backup's chunks are whole and what they make is not.
var errNotRestorable = errors.New("the backup cannot be restored")

// verify checks all that a directory holds: the catalog, the audit log against the checkpoint
// of the backup, and that the two belong together.
func (r *restorer) verify(ctx context.Context, dir string, checkpoint []byte) error {
	keys, err := identity.ReadKeyRing(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	store, err := bolt.Open(filepath.Join(dir, "catalog.bolt"), bolt.Options{Logger: slog.New(slog.DiscardHandler)})
	if errors.Is(err, catalog.ErrDamaged) {
		return fmt.Errorf("%w: %w", errNotRestorable, err)
	}
	if err != nil {
		return err
	}
	err = store.Check(ctx, func(done, total int) { r.progress.bar("catalog", int64(done), int64(total), plainCount) })
	if err == nil {
		err = r.verifyLog(ctx, filepath.Join(dir, "audit"), keys, checkpoint)
	}
	if err == nil {
		err = r.belongTogether(ctx, store, filepath.Join(dir, "audit"))
	}
	if errors.Is(err, catalog.ErrDamaged) {
		err = fmt.Errorf("%w: %w", errNotRestorable, err)
	}
	return errors.Join(err, store.Close())
}

func (r *restorer) verifyLog(ctx context.Context, dir string, keys *identity.KeyRing, checkpoint []byte) error {
	log, err := auditfile.OpenReadOnly(dir)
	if err != nil {
		return err
	}
	defer log.Close()
	progress := func(done, total int64) { r.progress.bar("audit", done, total, plainCount) }
	report, err := audit.Verify(ctx, counted{log, progress}, keys.LogVerifiers(), checkpoint)
	if err != nil {
		return err
	}
	if !report.OK {
		return fmt.Errorf("%w: audit record %d: %s (are these the keys it was made with?)", errNotRestorable, report.First, report.Problem)
	}
	r.done.Records = report.Records
	return nil
}

// belongTogether checks that the log and the catalog are of one server and one moment: the
// log says nothing of a revision that the catalog has not reached, and of each revision
// whose changes the catalog holds there is a record, in the log or on its way there. (A record
// whose body was erased may be the one.)
func (r *restorer) belongTogether(ctx context.Context, store catalog.Store, dir string) error {
	log, err := auditfile.OpenReadOnly(dir)
	if err != nil {
		return err
	}
	defer log.Close()
	var recorded changesRecorded
	for e, err := range log.Entries(ctx, 0) {
		if err != nil {
			return err
		}
		if e.Erased {
			recorded.erased = true
		} else if err := recorded.add(e.Body); err != nil {
			return fmt.Errorf("%w: audit record %d: %w", errNotRestorable, e.Index, err)
		}
	}
	inLog := recorded.newest
	for o, err := range store.Outbox().Pending(ctx) {
		if err != nil {
			return err
		}
		if err := recorded.add(o.Body); err != nil {
			return fmt.Errorf("%w: record %d of the outbox: %w", errNotRestorable, o.Sequence, err)
		}
	}
	n, err := store.Snapshot(ctx, 0)
	if err != nil {
		return err
	}
	head := n.Revision()
	if err := n.Close(); err != nil {
		return err
	}
	if inLog > head {
		return fmt.Errorf("%w: the audit log speaks of revision %d, and the catalog is at %d", errNotRestorable, inLog, head)
	}
	for c, err := range store.Changes(ctx, 0, catalog.Records) {
		if err != nil {
			return err
		}
		if !recorded.revisions[c.Revision] && !recorded.erased {
			return fmt.Errorf("%w: revision %d of the catalog has no audit record", errNotRestorable, c.Revision)
		}
	}
	r.done.Revision = uint64(head)
	return nil
}

// changesRecorded is what records say of changes.
type changesRecorded struct {
	revisions map[catalog.Revision]bool
	newest    catalog.Revision
	erased    bool // some record is
}

func (c *changesRecorded) add(body []byte) error {
	var r struct {
		Change *struct {
			Revision catalog.Revision `json:"revision"`
		} `json:"change"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if r.Change == nil {
		return nil
	}
	if c.revisions == nil {
		c.revisions = map[catalog.Revision]bool{}
	}
	c.revisions[r.Change.Revision] = true
	c.newest = max(c.newest, r.Change.Revision)
	return nil
}

// record says in the restored log that it was restored. From here on the catalog is another
// one than the original, which may live on.
func (r *restorer) record(ctx context.Context, dir, name string) error {
	cfg := defaultConfig()
	cfg.Data = dir
	e, err := openTruth(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRestorable, err)
	}
	if err = e.store.Renew(ctx); err == nil {
		_, err = e.audit.Append(ctx, operated(audit.Operation{Name: "restore", Detail: name}))
	}
	return errors.Join(err, e.close())
}
