package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/bolt"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	"github.com/muniment/muniment/retriever"
)

// engine is everything a server is made of, opened from one data directory and wired
// together.
type engine struct {
	truth
	server   api.Server
	operator *operator
	metrics  *metrics
	words    *keyword.Index
	vectors  *vector.Index
	closers  []func() error // in the order to close in

	certificate *tlsFiles // nil without TLS
}

// truth is the part of an engine that cannot be made again from the rest.
type truth struct {
	cfg    config
	store  *bolt.Store
	keys   *identity.KeyRing
	audit  *audit.Log
	outbox *audit.Drain
}

// openTruth opens what is not derived: catalog, keys and audit log. That is all a backup
// needs.
func openTruth(ctx context.Context, cfg config, log *slog.Logger) (e *engine, err error) {
	e = &engine{truth: truth{cfg: cfg}, metrics: newMetrics()}
	e.operator = &operator{engine: e, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
			e = nil
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return e, fmt.Errorf("making the data directory: %w", err)
	}
	store, err := bolt.Open(cfg.path("catalog.bolt"), bolt.Options{Logger: log, Timeout: cfg.lockWait})
	if errors.Is(err, catalog.ErrLocked) {
		return e, errors.Join(codedError{exitUsage, fmt.Sprintf("another muniment process serves %s; one directory has one server", cfg.Data)}, err)
	}
	if err != nil {
		return e, err
	}
	e.onClose(store.Close)

	keys, err := identity.OpenKeyRing(cfg.path("keys"))
	if err != nil {
		return e, err
	}
	storage, err := auditfile.Open(cfg.path("audit"))
	if err != nil {
		return e, err
	}
	e.onClose(storage.Close)
	shelf, err := openShelf(cfg)
	if err != nil {
		return e, err
	}
	kept, err := openKept(cfg, log, e.metrics.keepFailures.Inc)
	if err != nil {
		return e, err
	}
	e.onClose(kept.close)
	c := logConfig(keys)
	c.Saved, c.Signed, c.Shelf = kept.saved, kept.keep, shelf
	record, err := audit.Open(ctx, timedStorage{storage, e.metrics}, c)
	if err != nil {
		return e, kept.explain(err)
	}
	e.onClose(record.Close)
	outbox, err := audit.NewDrain(ctx, record, store.Outbox(), log)
	if err != nil {
		return e, err
	}
	e.onClose(outbox.Close)
	e.store, e.keys, e.audit, e.outbox = store, keys, record, outbox
	return e, removeLeftCopies(cfg)
}

// openShelf opens the place of what records are looked up in. It is derived from the log, and
// lies with the indexes.
func openShelf(cfg config) (audit.Shelf, error) {
	if err := os.MkdirAll(cfg.path("index"), 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of the indexes: %w", err)
	}
	return auditfile.OpenShelf(cfg.path("index", "audit"))
}

// logConfig says who the log is and by which keys it was ever signed.
func logConfig(keys *identity.KeyRing) audit.Config {
	c := audit.Config{Origin: keys.LogName(), Signer: keys.LogSigner(), Verifier: keys.LogVerifier(), Public: keys.LogKey()}
	all := keys.LogKeys()
	for _, k := range all[:len(all)-1] {
		c.Earlier = append(c.Earlier, audit.Key{Signer: k.Signer, Public: k.Public})
	}
	return c
}

// open opens what the configuration asks for. Whatever was opened is closed again if a
// later part fails.
func open(ctx context.Context, cfg config, log *slog.Logger) (e *engine, err error) {
	if e, err = openTruth(ctx, cfg, log); err != nil {
		return e, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
			e = nil
		}
	}()
	store, keys, record, outbox := e.store, e.keys, e.audit, e.outbox

	authority, err := cfg.authority(keys)
	if err != nil {
		return e, err
	}
	if err := e.openIndexes(log); err != nil {
		return e, err
	}
	model, err := e.openEmbedding(cfg, log)
	if err != nil {
		return e, err
	}
	space := indexer.Space{ID: model.space.ID, Dimensions: model.space.Dimensions}
	x, err := indexer.Open(ctx, indexer.Config{
		Store: timedStore{store, e.metrics}, Keyword: e.words, Vector: e.vectors, Embedder: model.documents, Space: space, Own: embed.Own, Patience: model.patience,
		Spaces: append(cfg.spaces(), space), Scale: cfg.scale(), Log: log,
		Record: changeRecords, Committed: outbox.Wake,
	})
	if err != nil {
		return e, err
	}
	e.onClose(x.Close)
	sweeping, stopSweeping := context.WithCancel(context.WithoutCancel(ctx))
	e.onClose(func() error { stopSweeping(); return nil })
	go sweepUntil(sweeping, x, cfg.KeepDeleted, log)

	r := &retriever.Retriever{
		States: x, Embedder: model.queries, Space: space, Weight: model.space.Weight, Spaces: cfg.querySpaces(), Log: record, Now: time.Now,
		Hash: func(query string) string { return keys.Hash("query", []byte(query)) },
	}
	replayer, err := e.openReplays(x, r)
	if err != nil {
		return e, err
	}
	refusals := api.NewRefusals(record, time.Now, log)
	e.onClose(refusals.Close)
	e.onClose(e.operator.wait)
	e.metrics.registry.MustRegister(&gauges{engine: e})
	e.server = api.Server{
		Authority: authority, Keys: keys, Indexer: x, Audit: record, Operator: e.operator, Scale: cfg.scale(), Log: log, Now: time.Now,
		SyncGuard: cfg.SyncGuard, Limits: limits.New(cfg.Limits), Refusals: refusals,
		Retriever: r, Replayer: replayer,
	}
	return e, nil
}

// openIndexes opens both indexes at once: each is read from end to end.
func (e *engine) openIndexes(log *slog.Logger) error {
	var opening sync.WaitGroup
	var wordsErr, vectorsErr error
	opening.Go(func() { e.words, wordsErr = keyword.Open(e.cfg.path("index", "keyword"), e.store.ID(), log) })
	opening.Go(func() { e.vectors, vectorsErr = vector.Open(e.cfg.path("index", "vector"), e.store.ID(), log) })
	opening.Wait()
	if wordsErr == nil {
		e.onClose(e.words.Close)
	}
	if vectorsErr == nil {
		e.onClose(e.vectors.Close)
	}
	return errors.Join(wordsErr, vectorsErr)
}

func (e *engine) onClose(f func() error) {
	e.closers = append([]func() error{f}, e.closers...)
}

func (e *engine) close() error {
	var errs []error
	for _, f := range e.closers {
		// failpoint: serve/closing
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
