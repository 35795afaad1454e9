package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// addressFile is where a running server says in its data directory what its address is.
const addressFile = "server.addr"

// target is the data directory, or the server, that an operator's verb is for.
type target struct {
	client
	data, file string
}

const targetHelp = `If a server runs on DIR, it is asked, with a token made from DIR/keys; else DIR is opened. Without --data, the server
at --addr is asked with --token, which needs the role admin.`

func (t *target) flags(c *cobra.Command) {
	t.client.flags(c)
	c.Flags().StringVar(&t.data, "data", "", "the server's data directory")
	c.Flags().StringVar(&t.file, "config", "", "the configuration file (default DIR/muniment.yaml)")
	c.Flags().Lookup("addr").Usage = "the server's address (default: what DIR says, MUNIMENT_ADDR, or the configuration)"
	c.Flags().Lookup("token").Usage = "a token with the role admin (default MUNIMENT_TOKEN, else one made from DIR/keys)"
}

// reached is the operator that a verb works through.
type reached struct {
	api.Operator
	engine *engine // nil if a server was reached
	close  func() error
}

// opener opens a directory that no server has.
type opener func(ctx context.Context, cfg config, log *slog.Logger) (*engine, error)

// reach returns the operator of the target: the running server's, or that of an engine opened
// for the purpose, of which the audit log is told what it is for. The context is for calls to
// the operator.
func (t *target) reach(ctx context.Context, open opener, what audit.Operation) (context.Context, *reached, error) {
	if t.data == "" && os.Getenv("MUNIMENT_DATA") == "" && first(t.token, os.Getenv("MUNIMENT_TOKEN")) != "" {
		return t.remote(ctx)
	}
	cfg, err := t.config()
	if err != nil {
		return nil, nil, err
	}
	e, err := open(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if errors.Is(err, catalog.ErrLocked) {
		return t.server(ctx, cfg)
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err := e.audit.Append(ctx, operated(what)); err != nil {
		return nil, nil, errors.Join(err, e.close())
	}
	return ctx, &reached{e.operator, e, e.close}, nil
}

// operated is the record of what is done at the command line to a directory without a server.
func operated(what audit.Operation) audit.Record {
	return audit.Record{ID: audit.NewID(), Time: time.Now(), Kind: audit.KindOperate, App: api.OperationsApp, Operation: &what}
}

// config is the configuration of a directory with a catalog in it.
func (t *target) config() (config, error) {
	cfg, err := loadConfig(t.file, t.data, "")
	if err != nil {
		return cfg, err
	}
	if !exists(cfg.path("catalog.bolt")) {
		return cfg, usagef("%s holds no catalog: is it the data directory?", cfg.Data)
	}
	if _, err := identity.ReadKeyRing(cfg.path("keys")); err != nil { // opening it would make another
		return cfg, usageError{err}
	}
	cfg.lockWait = 200 * time.Millisecond
	return cfg, nil
}

// operatorTTL is how long an operator's own token holds: a check or a backup of a large
// directory must end before it.
const operatorTTL = 24 * time.Hour

// server reaches the server that runs on the directory.
func (t *target) server(ctx context.Context, cfg config) (context.Context, *reached, error) {
	if t.addr == "" {
		said, err := os.ReadFile(cfg.path(addressFile))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, nil, err
		}
		t.addr = first(strings.TrimSpace(string(said)), os.Getenv("MUNIMENT_ADDR"), cfg.Listen)
	}
	if cfg.TLS != nil {
		t.certificate = cfg.TLS.Certificate
	}
	if t.token == "" {
		keys, err := identity.ReadKeyRing(cfg.path("keys"))
		if err != nil {
			return nil, nil, err
		}
		authority, err := cfg.authority(keys)
		if err != nil {
			return nil, nil, err
		}
		t.token, err = authority.Issue(identity.Request{
			Subject: acl.Principal(api.OperationsApp), Roles: []identity.Grant{{Role: identity.RoleAdmin}}, TTL: operatorTTL,
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return t.remote(ctx)
}

func (t *target) remote(ctx context.Context) (context.Context, *reached, error) {
	ctx, conn, err := t.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	return ctx, &reached{Operator: remote{pb.NewOperationsServiceClient(conn)}, close: conn.Close}, nil
}

// remote is the operator of a server, over the wire.
type remote struct{ server pb.OperationsServiceClient }

// Status implements api.Operator.
func (r remote) Status(ctx context.Context) (*pb.GetStatusResponse, error) {
	return r.server.GetStatus(ctx, &pb.GetStatusRequest{})
}

// Check implements api.Operator.
func (r remote) Check(ctx context.Context, send func(*pb.CheckResponse) error) error {
	stream, err := r.server.Check(ctx, &pb.CheckRequest{})
	return eachMessage(stream, err, send)
}

// Rebuild implements api.Operator.
func (r remote) Rebuild(ctx context.Context, index string) error {
	_, err := r.server.Rebuild(ctx, &pb.RebuildRequest{Index: index})
	return err
}

// Backup implements api.Operator.
func (r remote) Backup(ctx context.Context, have []byte, send func(*pb.BackupResponse) error) error {
	stream, err := r.server.Backup(ctx, &pb.BackupRequest{Have: have})
	return eachMessage(stream, err, send)
}

// eachMessage hands on every message of a stream.
func eachMessage[M any](stream interface{ Recv() (M, error) }, err error, send func(M) error) error {
	if err != nil {
		return err
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := send(m); err != nil {
			return err
		}
	}
}
