// Command bench measures the whole product against what people would use instead, on a data set that it
// draws, and reports each figure beside its goal.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/report"
)

const usage = `Measure the product on a data set drawn for the purpose, beside what people would use instead.

The data set is the same for the same -n. A real server (make build) takes it in over gRPC and answers; then the
engine is opened in this process, on what the server has stored. Peers answer the same queries in turn: an index
of bleve filtered by the caller's groups always, PostgreSQL with pgvector if MUNIMENT_BENCH_POSTGRES holds a
connection string of a superuser, on whose database a schema is made and dropped. Progress goes to stderr, the figures to stdout.

Parts: server, postgres, engine, bleve, views, size, conflicts.

Examples:
  go run ./internal/bench -n 200000
  go run ./internal/bench -n 20000 -only engine,bleve -dir kept   # keeps what was taken in for the next run
  MUNIMENT_BENCH_POSTGRES=postgres://postgres@127.0.0.1/postgres go run ./internal/bench -only server,postgres
  go run ./internal/bench -n 1000000 -write docs/performance.md   # replaces that page's section, and its charts

Flags:
`

// parts are what can be run, in this order.
var parts = []string{"server", "postgres", "engine", "bleve", "views", "size", "conflicts"}

var nothing = math.NaN()

// run is one run of the benchmark.
type run struct {
	server   string // the program
	dir      string
	only     []string
	progress io.Writer

	data     *draw.Data
	truths   []truth
	members  [][]string // of each group; made when the first is sent
	children []*child
	report   outcome
}

// outcome is what a run has found.
type outcome struct {
	Passages int             `json:"passages"`
	Machine  string          `json:"machine"`
	Command  string          `json:"command"`
	Took     time.Duration   `json:"took_ns"`
	Notes    []string        `json:"notes"`
	Figures  []report.Figure `json:"figures"`
	Tables   []report.Table  `json:"tables"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, args []string) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(f.Output(), usage); f.PrintDefaults() }
	n := f.Int("n", 200_000, "how many passages")
	only := f.String("only", strings.Join(parts, ","), "the parts to run")
	dir := f.String("dir", "", "where to keep what the server stores for the next run (default: a temporary directory)")
	server := f.String("server", filepath.Join("bin", "muniment"), "the program to measure")
	asJSON := f.Bool("json", false, "print everything as JSON instead of lines")
	page := f.String("write", "", "the page to put the results in, between the comments <!-- bench N --> and <!-- end of bench N -->")
	profile := f.String("cpuprofile", "", "the file to write a CPU profile of this process to; the server is a process of its own")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		stop, err := profiled(*profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	r := &run{server: *server, dir: *dir, only: strings.Split(*only, ","), progress: os.Stderr}
	for _, p := range r.only {
		if !slices.Contains(parts, p) {
			return fmt.Errorf("-only: there is no part %q; there are %s", p, strings.Join(parts, ", "))
		}
	}
	if *n < 20_000 || f.NArg() > 0 {
		return fmt.Errorf("-n: %d passages are too few, at least 20,000 are needed; and there are no arguments, only flags", *n)
	}
	if r.dir == "" {
		if r.dir, err = os.MkdirTemp("", "muniment-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(r.dir)
	}
	start := time.Now()
	r.report.Passages, r.report.Machine, r.report.Command = *n, machine(), "make bench N="+fmt.Sprint(*n)
	if err := errors.Join(r.run(ctx, draw.Sized(*n)), r.stop()); err != nil {
		return err
	}
	r.report.Took = time.Since(start)
	if *page != "" {
		if err := r.report.write(*page); err != nil {
			return err
		}
	}
	if *asJSON {
		return r.report.json(os.Stdout)
	}
	report.Lines(os.Stdout, r.report.Figures)
	return nil
}

// profiled writes a CPU profile until stop is called.
func profiled(name string) (stop func(), err error) {
	w, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return func() { pprof.StopCPUProfile(); w.Close() }, nil
}

// wants reports whether one of the parts is to be run.
func (r *run) wants(any ...string) bool {
	return slices.ContainsFunc(any, func(p string) bool { return slices.Contains(r.only, p) })
}

// say prints what is being done.
func (r *run) say(format string, args ...any) {
	fmt.Fprintf(r.progress, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func (r *run) run(ctx context.Context, p draw.Params) (err error) {
	if r.wants("conflicts") {
		if err := r.measureConflicts(ctx); err != nil {
			return err
		}
	}
	if !r.wants("server", "postgres", "engine", "bleve", "views", "size") {
		return nil
	}
	r.say("drawing %d passages", p.Passages)
	if r.data, err = draw.Draw(p); err != nil {
		return err
	}
	if r.wants("server", "postgres", "engine", "bleve") {
		r.say("answering %d queries exactly", len(r.data.Queries))
		r.findTruths()
	}
	r.say("sending the data set to a server")
	if err := r.feed(ctx); err != nil {
		return err
	}
	if r.wants("server", "postgres") {
		if err := r.measureServer(ctx); err != nil {
			return err
		}
	}
	if r.wants("engine", "bleve", "views") {
		if err := r.measureEngine(ctx); err != nil {
			return err
		}
	}
	if r.wants("size") {
		return r.measureSize()
	}
	return nil
}

// served is the directory of the server.
func (r *run) served() string { return filepath.Join(r.dir, "data") }

// stop stops what was started, whatever happened.
func (r *run) stop() error {
	var errs []error
	for _, c := range r.children {
		errs = append(errs, c.stop())
	}
	return errors.Join(errs...)
}

// json prints the outcome; what was not measured is null.
func (o outcome) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(o)
}
