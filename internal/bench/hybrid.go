package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/bench/draw"
	"github.com/muniment/muniment/internal/bench/exact"
	"github.com/muniment/muniment/internal/bench/report"
)

// memoryFiles is where files live in memory, on systems that have such a place.
const memoryFiles = "/dev/shm"

// measureServer measures hybrid queries over gRPC, of a server whose record of each is durable and of one that
// keeps its record in memory: a copy of the directory in which the record's folder leads there. Only
// the comparison does so; the product has no way to ask for it.
func (r *run) measureServer(ctx context.Context) (err error) {
	durable, err := r.serve(ctx, r.served())
	if err != nil {
		return err
	}
	all, err := durable.as(ctx, identity.Request{Subject: everything, TTL: 12 * time.Hour})
	if err != nil {
		return err
	}
	first := time.Now()
	if _, err := r.askAs(all, durable.conn, r.data.Queries[0]); err != nil {
		return err
	}
	r.stated("server", "start to first answer", (durable.ready + time.Since(first)).Seconds(), "s", report.AtMost(10))

	asked := []*way{r.hybrid(durable, "record durable")}
	servers := []*child{durable}
	if _, err := os.Stat(memoryFiles); err == nil {
		dir, forget, err := r.memoryCopy()
		defer forget()
		if err != nil {
			return err
		}
		memory, err := r.serve(ctx, dir)
		if err != nil {
			return err
		}
		servers = append(servers, memory)
		asked = append([]*way{r.hybrid(memory, "record in memory")}, asked...)
	} else {
		r.report.Notes = append(r.report.Notes, "There is no "+memoryFiles+" here, so the record in memory was not measured.")
	}
	for _, c := range servers {
		r.say("asking the server once for every caller")
		if err := r.warm(c); err != nil {
			return err
		}
		c.settle()
	}
	if r.wants("server") {
		if err := r.measureHybrid(ctx, servers, asked); err != nil {
			return err
		}
	}
	if url := os.Getenv("MUNIMENT_BENCH_POSTGRES"); r.wants("postgres") && url != "" {
		if err := r.comparePostgres(ctx, url, durable); err != nil {
			return err
		}
	} else if r.wants("postgres") {
		r.report.Notes = append(r.report.Notes, "MUNIMENT_BENCH_POSTGRES is not set, so PostgreSQL was not measured.")
		r.say("MUNIMENT_BENCH_POSTGRES is not set: PostgreSQL is not measured")
	}
	durable.settle()
	r.stated("server", "memory beyond the page cache, of a passage", float64(durable.private())/float64(r.data.Passages)/1024, "KiB", report.AtMost(1.2))
	return r.stop()
}

// measureHybrid measures one client, then several.
func (r *run) measureHybrid(ctx context.Context, servers []*child, asked []*way) error {
	r.say("asking the server as one client")
	if err := r.measure(ctx, r.queries(len(r.data.Queries)), asked...); err != nil {
		return err
	}
	r.table("hybrid-grpc", "Hybrid queries over gRPC, ten results, one client", asked...)
	for _, w := range asked {
		m := w.all()
		p50, p95, p99 := r.goals200(5), r.goals200(12), report.Goal(nil)
		if w.name == "record in memory" {
			p50, p95, p99 = r.goals200(2.5), r.goals200(6), r.goals200(10)
		}
		name := "hybrid over gRPC, one client, " + w.name
		r.stated("server", name+", p50", m.times.At(0.50), "ms", p50)
		r.stated("server", name+", p95", m.times.At(0.95), "ms", p95)
		r.stated("server", name+", p99", m.times.At(0.99), "ms", p99)
		r.honest("server", w)
	}
	return r.measureClients(servers)
}

// goals200 is a goal for a time at 200,000 passages; larger data sets have others, or none.
func (r *run) goals200(ms float64) report.Goal {
	if r.data.Passages > 200_000 {
		return nil
	}
	return report.AtMost(ms)
}

// queries are the first n queries, or all; callers of all shares are among them alike.
func (r *run) queries(n int) (list []int) {
	for q := range min(n, len(r.data.Queries)) {
		list = append(list, q)
	}
	return list
}

// hybrid is asking the server over its connection.
func (r *run) hybrid(c *child, name string) *way {
	return &way{
		name: name, judge: r.judgeLength, cpu: c.cpu,
		ask: func(_ context.Context, q int) ([]exact.Hit, error) { return r.ask(c, c.conn, q) },
	}
}

// warm asks once for every caller, so that their views are resolved.
func (r *run) warm(c *child) error {
	for q := range r.data.Queries {
		if _, err := r.ask(c, c.conn, q); err != nil {
			return err
		}
	}
	return nil
}

// measureClients lets 1, 4 and 8 clients ask at once, each over a connection of its own.
func (r *run) measureClients(servers []*child) error {
	const rounds = 9
	queries := r.queries(300)
	counts := []int{1, 4, 8}
	r.say("asking with %v clients at once", counts)
	perSecond, cpu := map[int][][]float64{}, map[int][]float64{}
	for _, clients := range counts {
		perSecond[clients] = make([][]float64, len(servers))
	}
	for round := range rounds {
		for _, clients := range counts {
			for k := range servers {
				i := (k + round) % len(servers) // neither is always the first
				c := servers[i]
				before, start := c.cpu(), time.Now()
				if err := r.together(c, clients, queries); err != nil {
					return err
				}
				n := float64(len(queries))
				perSecond[clients][i] = append(perSecond[clients][i], n/time.Since(start).Seconds())
				if i == 0 {
					cpu[clients] = append(cpu[clients], report.Milliseconds(c.cpu()-before)/n)
				}
			}
		}
	}
	for _, clients := range counts {
		for i, name := range []string{"durable", "in memory"}[:len(servers)] {
			r.stated("server", fmt.Sprintf("queries a second, %d clients, record %s", clients, name), report.Median(perSecond[clients][i]), "/s", nil)
		}
	}
	if len(servers) == 2 {
		// Round by round, because a shared machine is faster now and slower then.
		var kept []float64
		for round := range rounds {
			kept = append(kept, perSecond[8][0][round]/perSecond[8][1][round])
		}
		loss := 100 * (1 - report.Median(kept))
		r.judged("server", "throughput lost to the durable record, 8 clients", loss, "%", report.AtMost(15))
	}
	r.judged("server", "CPU of a query with 4 clients against 1", report.Median(cpu[4])/report.Median(cpu[1]), "×", report.AtMost(1.15))
	return nil
}

// together asks the queries once, by so many clients.
func (r *run) together(c *child, clients int, queries []int) error {
	var todo, done = make(chan int), sync.WaitGroup{}
	errs := make(chan error, clients)
	for range clients {
		conn, err := c.dial()
		if err != nil {
			return err
		}
		done.Go(func() {
			defer conn.Close()
			errs <- r.answerAll(c, conn, todo)
		})
	}
	for _, q := range queries {
		todo <- q
	}
	close(todo)
	done.Wait()
	for range clients {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (r *run) answerAll(c *child, conn *grpc.ClientConn, todo <-chan int) (failed error) {
	for q := range todo { // to the end, also after an error: whoever sends must not wait
		if failed == nil {
			_, failed = r.ask(c, conn, q)
		}
	}
	return failed
}

// memoryCopy copies the server's directory, with the folder of the record in memory. It returns what removes both.
func (r *run) memoryCopy() (dir string, forget func(), err error) {
	dir = filepath.Join(r.dir, "copy")
	forget = func() { os.RemoveAll(dir) }
	if err := os.RemoveAll(dir); err != nil {
		return "", forget, err
	}
	if err := os.CopyFS(dir, os.DirFS(r.served())); err != nil {
		return "", forget, fmt.Errorf("copying the server's directory: %w", err)
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}); err != nil {
		return "", forget, err
	}
	memory, err := os.MkdirTemp(memoryFiles, "muniment-bench-")
	if err != nil {
		return "", forget, err
	}
	forget = func() { os.RemoveAll(dir); os.RemoveAll(memory) }
	record := filepath.Join(dir, "audit")
	if err := os.CopyFS(memory, os.DirFS(record)); err != nil {
		return "", forget, err
	}
	if err := os.RemoveAll(record); err != nil {
		return "", forget, err
	}
	return dir, forget, os.Symlink(memory, record)
}

// comparePostgres asks the server and PostgreSQL in turns, as one client each.
func (r *run) comparePostgres(ctx context.Context, url string, c *child) (err error) {
	r.say("loading PostgreSQL")
	p, err := openPostgres(ctx, url, r)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	for _, mode := range []struct {
		name, file string
		sample     int
		pid        int
		ask        func(context.Context, draw.Query, []int, int) ([]int, error)
	}{
		{"with a predicate", "postgres-predicate", 400, p.PID, p.Predicate},
		{"with row-level security", "postgres-security", 100, p.SecuredPID, p.Secured},
	} {
		r.say("asking PostgreSQL and the server in turns, %s", mode.name)
		queries := r.queries(mode.sample)
		theirs := &way{
			name: "PostgreSQL", judge: r.judgeRanks,
			ask: func(ctx context.Context, q int) ([]exact.Hit, error) {
				query := r.data.Queries[q]
				found, err := mode.ask(ctx, query, r.data.Callers[query.Caller].Groups, limit)
				return hitsOf(found), err
			},
		}
		if isPostgres(mode.pid) {
			theirs.cpu = func() time.Duration { return processCPU(mode.pid) }
		}
		ours := r.hybrid(c, "Muniment")
		if err := r.measure(ctx, queries[:min(40, len(queries))], theirs); err != nil { // pages into memory
			return err
		}
		theirs.parts = [len(draw.Shares)]measured{}
		if err := r.measure(ctx, queries, ours, theirs); err != nil {
			return err
		}
		r.table(mode.file, "Hybrid queries, ten results, one client: PostgreSQL "+mode.name+"; exact: recall of exact fusion", ours, theirs)
		a, b := ours.all().times, theirs.all().times
		r.judged("postgres", "hybrid in PostgreSQL "+mode.name+" takes longer, p50", b.At(0.5)/a.At(0.5), "×", report.AtLeast(5))
		r.judged("postgres", "hybrid in PostgreSQL "+mode.name+" takes longer, p95", b.At(0.95)/a.At(0.95), "×", report.AtLeast(10))
	}
	return nil
}
