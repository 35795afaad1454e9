package embed

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errDown = errors.New("no route to host")

// TestGuardOpensWhenTheEmbedderIsDown: one failure, and nobody asks or waits until it is
// back. That is found out soon, and by few attempts however long it takes.
func TestGuardOpensWhenTheEmbedderIsDown(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		down := func(context.Context, []string, [][]float32) ([][]float32, error) { return nil, errDown }
		p.set(func(p *patient) { p.spoil, p.requests = down, nil })
		if _, err := g.Embed(t.Context(), texts(1)); !errors.Is(err, errDown) || errors.Is(err, ErrUnavailable) {
			t.Errorf("the first time: %v", err)
		}
		asked := len(p.asked())
		for range 100 {
			if _, err := g.Embed(t.Context(), texts(1)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errDown) {
				t.Errorf("while it is down: %v", err)
			}
			if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); !errors.Is(err, ErrUnavailable) {
				t.Errorf("a query while it is down: %v", err)
			}
		}
		if len(p.asked()) != asked || p.queries > 0 {
			t.Error("an embedder that is down was asked")
		}
		pass(time.Hour)
		if n := len(p.requests); n < 120 || n > 2000 {
			t.Errorf("in an hour, %d attempts", n)
		}
		if n := strings.Count(p.log.String(), "level=ERROR"); n != 1 {
			t.Errorf("the log has %d errors:\n%s", n, &p.log)
		}
		p.set(func(p *patient) { p.spoil = nil })
		pass(lastProbe + time.Second)
		if _, err := g.Embed(t.Context(), texts(1)); err != nil {
			t.Errorf("it is back: %v", err)
		}
		if !strings.Contains(p.log.String(), "can be used again") {
			t.Errorf("the log says:\n%s", &p.log)
		}
	})
}

// TestGuardWhenTheEmbedderSleeps: the request under way ends with its time, and those who
// wait behind it do not wait for theirs.
func TestGuardWhenTheEmbedderSleeps(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		p.set(func(p *patient) {
			p.spoil = func(ctx context.Context, _ []string, _ [][]float32) ([][]float32, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		start := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := g.Embed(t.Context(), texts(5)); err == nil {
					t.Error("embedded by one who sleeps")
				}
			})
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Embed(impatient, texts(1)); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("one who waits a second ends with %v after %v", err, time.Since(start))
		}
		all.Wait()
		if took := time.Since(start); took != time.Minute {
			t.Errorf("100 callers waited %v, want one timeout", took)
		}
	})
}

// TestGuardQueriesInTime: a query has its budget and no more; after some that had no
// answer none waits, until the embedder is quick again.
func TestGuardQueriesInTime(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		slow := func(ctx context.Context, _ []string, v [][]float32) ([][]float32, error) {
			time.Sleep(2 * time.Second) // slow for documents too, which can wait
			return v, nil
		}
		p.set(func(p *patient) { p.delay, p.spoil = 30*time.Second, slow })
		ask := func() (time.Duration, error) {
			start := time.Now()
			_, err := QueryEmbedder{g}.Embed(t.Context(), []string{"q"})
			return time.Since(start), err
		}
		for i := range lateQueries {
			if took, err := ask(); !errors.Is(err, context.DeadlineExceeded) || took != g.Budget {
				t.Errorf("query %d waits %v: %v", i, took, err)
			}
		}
		for range 50 {
			if took, err := ask(); !errors.Is(err, ErrUnavailable) || took != 0 {
				t.Errorf("a later query waits %v: %v", took, err)
			}
		}
		pass(10 * time.Minute) // probes pass, but too slowly for queries
		if took, err := ask(); !errors.Is(err, ErrUnavailable) || took != 0 || p.queries != lateQueries {
			t.Errorf("after ten minutes a query waits %v: %v; %d were asked", took, err, p.queries)
		}
		if _, err := g.Embed(t.Context(), texts(3)); err != nil {
			t.Errorf("documents can wait, but: %v", err)
		}
		if n := strings.Count(p.log.String(), "too slow for queries"); n != 1 {
			t.Errorf("the log says so %d times", n)
		}
		p.set(func(p *patient) { p.delay, p.spoil = 10*time.Millisecond, nil })
		pass(lastProbe + 3*time.Second)
		if took, err := ask(); err != nil || took != 10*time.Millisecond {
			t.Errorf("quick again, a query waits %v: %v", took, err)
		}
	})
}

// TestGuardImpatientCallersHarmNobody: those who leave before the budget is over do not
// make the embedder look late.
func TestGuardImpatientCallersHarmNobody(t *testing.T) {
	p := &patient{delay: 100 * time.Millisecond}
	guarded(t, p, func(t *testing.T, g *Guard) {
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if _, err := (QueryEmbedder{g}).Embed(ctx, []string{"q"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v", err)
			}
			cancel()
		}
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), []string{"q"}); err != nil {
			t.Errorf("a patient caller: %v", err)
		}
	})
}

// TestGuardHalves: texts that are too long together are asked for in halves, each with
// canaries; one that is too long alone by its beginning; and one that is refused however
// short it is fails alone.
func TestGuardHalves(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		var requests atomic.Int32
		p.set(func(p *patient) {
			p.spoil = func(_ context.Context, texts []string, v [][]float32) ([][]float32, error) {
				requests.Add(1)
				size := 0
				for _, text := range texts {
					if strings.Contains(text, "poison") {
						return nil, ErrTooLong
					}
					if !slices.Contains(canaries[:], text) {
						size += len(text)
					}
				}
				if size > 3000 {
					return nil, ErrTooLong
				}
				return v, nil
			}
		})
		long := strings.Repeat("ä", 5000) // 10,000 bytes
		list := []string{"a", strings.Repeat("b", 2000), strings.Repeat("c", 2000), long, "e"}
		got, err := g.Embed(t.Context(), list)
		list[3] = strings.Repeat("ä", 1250)
		if err != nil || !cmp.Equal(got, modelledAll("fake", list)) {
			t.Errorf("%v", err)
		}
		before := requests.Load()
		var all sync.WaitGroup
		for _, text := range []string{"one", "poison", "two"} {
			all.Go(func() {
				_, err := g.Embed(t.Context(), []string{text})
				if want := text == "poison"; errors.Is(err, ErrTooLong) != want {
					t.Errorf("%s: %v", text, err)
				}
			})
		}
		all.Wait()
		if n := requests.Load() - before; n > 7 {
			t.Errorf("%d requests for three texts", n)
		}
		if _, err := g.Embed(t.Context(), texts(2)); err != nil {
			t.Errorf("after a text that was refused: %v", err)
		}
		for _, r := range p.requests[1+len(canaries):] {
			if n := len(slices.DeleteFunc(slices.Clone(r), func(text string) bool { return !slices.Contains(canaries[:], text) })); n != 2 {
				t.Errorf("a request of %d texts has %d canaries", len(r), n)
			}
		}
	})
}

// TestGuardOneBadTextIsNotTheServersFault: an answer that cannot be used, or a text that is
// refused, leaves the embedder in use for others.
func TestGuardOneBadTextIsNotTheServersFault(t *testing.T) {
	for name, refusal := range map[string]error{"NaN": ErrAnswer, "status 400": &StatusError{Code: 400}} {
		p := &patient{}
		guarded(t, p, func(t *testing.T, g *Guard) {
			p.set(func(p *patient) {
				p.spoil = func(_ context.Context, texts []string, v [][]float32) ([][]float32, error) {
					if slices.Contains(texts, "poison") {
						return nil, refusal
					}
					return v, nil
				}
			})
			for range 10 {
				if _, err := g.Embed(t.Context(), []string{"poison"}); err == nil || errors.Is(err, ErrUnavailable) {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := g.Embed(t.Context(), texts(1)); err != nil {
					t.Errorf("%s: the next text: %v", name, err)
				}
			}
		})
	}
}

// TestGuardCloses: at once, whatever is under way, and nobody is left waiting. The bubble
// fails the test if a goroutine is left.
func TestGuardCloses(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		p.set(func(p *patient) {
			p.delay = time.Hour
			p.spoil = func(ctx context.Context, _ []string, _ [][]float32) ([][]float32, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		start := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := g.Embed(t.Context(), texts(20)); err == nil {
					t.Error("embedded")
				}
			})
			all.Go(func() {
				if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); err == nil {
					t.Error("embedded")
				}
			})
		}
		synctest.Wait()
		g.Close()
		all.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("closing took %v", took)
		}
		if _, err := g.Embed(t.Context(), texts(1)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("after Close: %v", err)
		}
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a query after Close: %v", err)
		}
	})
}
