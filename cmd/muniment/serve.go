package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/muniment/muniment/api"
)

// drainTime is how long calls in flight may take to finish at shutdown.
const drainTime = 10 * time.Second

func serveCommand() *cobra.Command {
	var file, data, listen string
	c := &cobra.Command{
		Use:   "serve --data DIR",
		Short: "Run the server",
		Long: `Run the server. It makes DIR and its keys at the first start, prints one line "listening on …" when it can
answer, and stops on SIGINT or SIGTERM after finishing what is in flight.

Without a certificate it listens on loopback addresses only; there is no insecure mode.

Settings come from flags, else MUNIMENT_DATA and MUNIMENT_LISTEN, else one YAML file (--config, or
DIR/muniment.yaml if it is there), in which unknown keys are errors:

  listen: 127.0.0.1:7600
  metrics: 127.0.0.1:7601              # GET /metrics and /healthz; off if left out
  admin: 127.0.0.1:7603                # profiles (/debug/pprof/) and gRPC reflection; off if left out
  tls: {certificate: server.pem, key: server.key}   # for other addresses; read again when it changes
  audience: muniment
  log_level: info                      # debug, info, warn, error
  sensitivity: [public, internal, confidential, restricted]
  apps:                                # narrows what an app may reach
    chat: {sources: [handbook], clearance: internal}
    crawler: {service: true}           # may call for itself, without a person
  issuers: []                          # whom to believe besides the embedded issuer: docs/identity.md
  roles: []                            # what their callers may do besides reading: docs/identity.md
  sync_guard: 0.2                      # share of a source that a sync may remove unconfirmed
  keep_deleted: 2160h                  # marks of deleted documents, where versions are times
  audit: {checkpoint: /mnt/elsewhere/muniment.note}   # the newest checkpoint, outside DIR; compared at the start
  limits:                              # calls of each user and of each app
    {user: {per_second: 1000, burst: 10000}, app: {per_second: 5000, burst: 50000}}
  embedder:                            # an embedding server; without it, the embedded model
    {url: "http://127.0.0.1:11434/v1", model: bge-small-en-v1.5, dimensions: 384, weight: 0.5}
  vector_spaces:                       # of vectors that senders bring
    - {id: ours/384, dimensions: 384, queries: true}
  scim:                                # an identity provider keeps users and groups, by SCIM 2.0
    {listen: 127.0.0.1:7602, issuer: corp, token_file: /etc/muniment/scim.token, subject: externalId, group: id}

` + exitCodes,
		Example: "  muniment serve --data ./data\n  muniment serve --data ./data --listen 127.0.0.1:0",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, data, listen)
			if err != nil {
				return err
			}
			spread()
			go frugal(c.Context())
			return serve(c.Context(), cfg, func(addr string) { fmt.Fprintln(c.OutOrStdout(), "listening on", addr) })
		},
	}
	c.Flags().StringVar(&data, "data", "", "the directory everything lives in")
	c.Flags().StringVar(&listen, "listen", "", "the address to serve on, a loopback one without TLS (default 127.0.0.1:7600)")
	c.Flags().StringVar(&file, "config", "", "the configuration file (default DIR/muniment.yaml)")
	return c
}

// serve runs the server until the context ends. It calls ready with its address once it
// can answer.
func serve(ctx context.Context, cfg config, ready func(addr string)) (err error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return usagef("log_level: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(log) // for libraries that log by themselves
	e, err := open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		closing := e.close()
		if _, failed := errors.AsType[diskError](err); failed {
			log.Warn("closing after the disk failed", "error", closing) // the same again, of each part
			return
		}
		err = errors.Join(err, closing)
	}()

	// failpoint: serve/opened
	stopping, stop := context.WithCancel(context.Background())
	defer stop()
	options := append(e.metrics.interceptors(), endWatches(stopping))
	if cfg.TLS != nil {
		if e.certificate, err = openTLS(*cfg.TLS, log, e.metrics.tlsFailures.Inc); err != nil {
			return usagef("tls: %w", err)
		}
		go e.certificate.watch(stopping)
		options = append(options, grpc.Creds(credentials.NewTLS(e.certificate.config())))
	}
	server, health, err := api.New(e.server, options...)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	addr := listener.Addr().String()
	if err := e.announce(addr); err != nil {
		log.Warn("an operator's verbs will not find the server by its directory alone", "error", err)
	}
	if cfg.Metrics != "" {
		m, err := serveMetrics(cfg.Metrics, e.metrics, func() string { return e.unfit(stopping) })
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer m.close()
		log.Info("serving metrics", "addr", m.addr)
	}
	if cfg.Admin != "" {
		a, err := serveAdmin(cfg.Admin, server)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer a.close()
		log.Info("serving the administrator", "addr", a.addr)
	}
	go e.server.Authority.Prepare(ctx) // what fails is logged, and tried again when it is needed
	if cfg.SCIM != nil {
		s, err := serveSCIM(e, log)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		defer s.close()
	}
	health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("serving", "addr", addr, "data", cfg.Data, "version", version)
	ready(addr)

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	case <-e.store.Failed():
		err = diskError{"catalog", e.store.Err()}
	case <-e.audit.Failed():
		err = diskError{"audit log", e.audit.Err()}
	}
	log.Info("stopping: finishing what is in flight", "at_most", drainTime)
	health.Shutdown() // before anything is turned away
	stop()
	stopped := make(chan struct{})
	go func() { server.GracefulStop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(drainTime):
		log.Warn("calls still in flight were cancelled")
		server.Stop()
	}
	return err
}

// watchEnds is how long those who watch the health have to hear that it is over.
const watchEnds = 100 * time.Millisecond

// endWatches ends streams that watch the server's health soon after it begins to stop. They
// would never end by themselves, and each stop would take all of the time that it may.
func endWatches(stopping context.Context) grpc.ServerOption {
	return grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if info.FullMethod != healthpb.Health_Watch_FullMethodName {
			return next(srv, ss)
		}
		ctx, cancel := context.WithCancel(ss.Context())
		defer cancel()
		defer context.AfterFunc(stopping, func() { time.AfterFunc(watchEnds, cancel) })()
		return next(srv, watching{ss, ctx})
	})
}

// watching is a stream that ends with another context.
type watching struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (w watching) Context() context.Context { return w.ctx }

// announce says in the data directory what the server's address is, until it closes, so that
// an operator's verbs find it. A process that is killed leaves it; it then belongs to nobody,
// for nobody has the directory open.
func (e *engine) announce(addr string) error {
	path := e.cfg.path(addressFile)
	e.onClose(func() error {
		os.Remove(path) // if it stays it does no harm
		return nil
	})
	if err := os.WriteFile(path+".new", []byte(addr+"\n"), 0o600); err != nil {
		return fmt.Errorf("announcing the address: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("announcing the address: %w", err)
	}
	return nil
}

// unfit is why the server should not be asked, "" if it should.
func (e *engine) unfit(stopping context.Context) string {
	switch {
	case stopping.Err() != nil:
		return "stopping"
	case e.audit.Err() != nil:
		return "the audit log cannot be written"
	case e.store.Err() != nil:
		return "the catalog cannot be written"
	}
	state, err := e.server.Indexer.Pin(stopping, 0)
	if err != nil {
		return "stopping"
	}
	defer state.Release()
	if state.Keyword == nil && state.Vector == nil {
		return "the indexes are being rebuilt"
	}
	return ""
}
