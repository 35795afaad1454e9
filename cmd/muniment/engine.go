package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/identity"
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
	server  api.Server
	closers []func() error // in the order to close in
}

// open opens what the configuration asks for. Whatever was opened is closed again if a
// later part fails.
func open(ctx context.Context, cfg config, log *slog.Logger) (e *engine, err error) {
	e = &engine{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
			e = nil
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return e, fmt.Errorf("making the data directory: %w", err)
	}
	store, err := bolt.Open(cfg.path("catalog.bolt"), bolt.Options{Logger: log})
	if errors.Is(err, catalog.ErrLocked) {
		return e, codedError{exitUsage, fmt.Sprintf("another muniment process serves %s; one directory has one server", cfg.Data)}
	}
	if err != nil {
		return e, err
	}
	e.onClose(store.Close)

	keys, err := identity.OpenKeyRing(cfg.path("keys"))
	if err != nil {
		return e, err
	}
	authority, err := cfg.authority(keys)
	if err != nil {
		return e, err
	}
	storage, err := auditfile.Open(cfg.path("audit"))
	if err != nil {
		return e, err
	}
	e.onClose(storage.Close)
	record, err := audit.Open(ctx, storage, audit.Config{Origin: keys.LogName(), Signer: keys.LogSigner(), Verifier: keys.LogVerifier()})
	if err != nil {
		return e, err
	}
	e.onClose(record.Close)
	outbox := audit.NewDrain(record, store.Outbox(), log)
	e.onClose(outbox.Close)

	words, err := keyword.Open(cfg.path("index", "keyword"), log)
	if err != nil {
		return e, err
	}
	e.onClose(words.Close)
	vectors, err := vector.Open(cfg.path("index", "vector"), log)
	if err != nil {
		return e, err
	}
	e.onClose(vectors.Close)
	embedder, err := embed.Default()
	if err != nil {
		return e, err
	}
	space := indexer.Space{ID: embedder.Space().ID, Dimensions: embedder.Space().Dimensions}
	x, err := indexer.Open(ctx, indexer.Config{
		Store: store, Keyword: words, Vector: vectors, Embedder: embedder, Space: space,
		Spaces: append(cfg.spaces(), space), Scale: cfg.scale(), Log: log,
		Record: changeRecord, Committed: outbox.Wake,
	})
	if err != nil {
		return e, err
	}
	e.onClose(x.Close)

	e.server = api.Server{
		Authority: authority, Keys: keys, Indexer: x, Audit: record, Scale: cfg.scale(), Log: log, Now: time.Now,
		Retriever: &retriever.Retriever{
			States: x, Embedder: embedder, Space: space, Weight: embedder.Space().Weight, Log: record, Now: time.Now,
			Hash: func(query string) string { return keys.Hash("query", []byte(query)) },
		},
	}
	return e, nil
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

// changeRecord is the audit records of a change, stored in the change's own commit.
func changeRecord(at catalog.Revision, by indexer.Actor, m catalog.Mutation, o catalog.Outcome) [][]byte {
	change := &audit.Change{Revision: uint64(at)}
	document := func(op string, id catalog.DocumentID) {
		change.Op, change.Source, change.ID = op, id.Source, id.ID
		if o.Document != nil {
			change.Version = o.Document.Version
			change.ContentHash = hex.EncodeToString(o.Document.ContentHash[:])
		}
	}
	switch m := m.(type) {
	case catalog.PutDocument:
		document("put document", m.Document.DocumentID)
	case catalog.PutAccess:
		document("change access", m.Document)
	case catalog.DeleteDocument:
		document("delete document", m.Document)
	case catalog.PutContainer:
		change.Op, change.Source, change.ID, change.Version = "put container", m.Container.Source, m.Container.ID, m.Container.Version
	case catalog.PutGroup:
		change.Op, change.ID = "put group", string(m.Group)
	}
	b, err := json.Marshal(audit.Record{Time: time.Now().UTC(), Kind: "change", App: string(by.App), User: string(by.User), Change: change})
	if err != nil {
		panic("muniment: encoding an audit record: " + err.Error()) // plain data always encodes
	}
	return [][]byte{b}
}
