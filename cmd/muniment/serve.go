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

It listens on loopback addresses only: there is no TLS yet, and no insecure mode.

Settings come from flags, else MUNIMENT_DATA and MUNIMENT_LISTEN, else one YAML file (--config, or
DIR/muniment.yaml if it is there), in which unknown keys are errors:

  listen: 127.0.0.1:7600
  audience: muniment
  log_level: info                      # debug, info, warn, error
  sensitivity: [public, internal, confidential, restricted]
  apps:                                # narrows what an app may reach
    chat: {sources: [handbook], clearance: internal}
  vector_spaces:                       # of vectors that senders bring
    - {id: bge-small-en-v1.5/384, dimensions: 384}

` + exitCodes,
		Example: "  muniment serve --data ./data\n  muniment serve --data ./data --listen 127.0.0.1:0",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, data, listen)
			if err != nil {
				return err
			}
			return serve(c.Context(), cfg, func(addr string) { fmt.Fprintln(c.OutOrStdout(), "listening on", addr) })
		},
	}
	c.Flags().StringVar(&data, "data", "", "the directory everything lives in")
	c.Flags().StringVar(&listen, "listen", "", "the loopback address to serve on (default 127.0.0.1:7600)")
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
	defer func() { err = errors.Join(err, e.close()) }()

	// failpoint: serve/opened
	server, health, err := api.New(e.server)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("serving", "addr", listener.Addr().String(), "data", cfg.Data, "version", version)
	ready(listener.Addr().String())

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing what is in flight", "at_most", drainTime)
	health.Shutdown()
	stopped := make(chan struct{})
	go func() { server.GracefulStop(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(drainTime):
		log.Warn("calls still in flight were cancelled")
		server.Stop()
	}
	return nil
}
