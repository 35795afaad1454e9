package embed

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patient is an embedder made of functions, for a Guard in a bubble of its own time.
type patient struct {
	mu       sync.Mutex
	model    string
	requests [][]string // for documents
	queries  int
	// spoil makes something else of the vectors of a request for documents.
	spoil func(ctx context.Context, texts []string, vectors [][]float32) ([][]float32, error)
	// delay is how long queries take.
	delay time.Duration
	log   bytes.Buffer
}

func (p *patient) documents(ctx context.Context, texts []string) ([][]float32, error) {
	p.mu.Lock()
	p.requests = append(p.requests, texts)
	model, spoil := p.model, p.spoil
	p.mu.Unlock()
	var vectors [][]float32
	for _, text := range texts {
		vectors = append(vectors, modelled(model, text))
	}
	if spoil == nil {
		return vectors, ctx.Err()
	}
	return spoil(ctx, texts, vectors)
}

func (p *patient) query(ctx context.Context, texts []string) ([][]float32, error) {
	p.mu.Lock()
	p.queries++
	delay := p.delay
	p.mu.Unlock()
	select {
	case <-time.After(delay):
		return [][]float32{modelled(p.model, "query: "+texts[0])}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *patient) set(f func(p *patient)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// asked is the requests that held text, of documents and not of canaries alone.
func (p *patient) asked() (list [][]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		rest := slices.DeleteFunc(slices.Clone(r), func(text string) bool { return slices.Contains(canaries[:], text) })
		if len(rest) > 0 {
			list = append(list, rest)
		}
	}
	return list
}

func (p *patient) config(file string) GuardConfig {
	return GuardConfig{
		Documents: p.documents, Queries: p.query, Space: Space{ID: "embedder:fake/16/0", Dimensions: fakeDimensions, Weight: 0.5},
		Batch: 8, Timeout: time.Minute, Budget: 250 * time.Millisecond, File: file, Log: slog.New(slog.NewTextHandler(&p.log, nil)),
	}
}

// guarded runs f on a started Guard of the embedder.
func guarded(t *testing.T, p *patient, f func(t *testing.T, g *Guard)) {
	t.Helper()
	guardedIn(t, p, filepath.Join(t.TempDir(), "embedder", "reference.json"), f)
}

func guardedIn(t *testing.T, p *patient, file string, f func(t *testing.T, g *Guard)) {
	t.Helper()
	if p.model == "" {
		p.model = "fake"
	}
	synctest.Test(t, func(t *testing.T) {
		g, err := NewGuard(p.config(file))
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		g.Start()
		f(t, g)
	})
}

// pass lets time go by in a bubble, and whatever falls due in it end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func texts(n int) (list []string) {
	for i := range n {
		list = append(list, strings.Repeat("x", i+1))
	}
	return list
}

func modelledAll(model string, texts []string) (list [][]float32) {
	for _, text := range texts {
		list = append(list, modelled(model, text))
	}
	return list
}

// TestGuardEmbeds: any number of texts, in their order, in requests of bounded size that
// each have two canaries at random places.
func TestGuardEmbeds(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		for _, n := range []int{0, 1, 7, 8, 9, 100} {
			got, err := g.Embed(t.Context(), texts(n))
			if err != nil || !cmp.Equal(got, modelledAll("fake", texts(n))) {
				t.Errorf("%d texts: %v", n, err)
			}
		}
		places := map[int]int{}
		for range 200 {
			if _, err := g.Embed(t.Context(), texts(3)); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range p.requests[1+len(canaries):] { // after the reference
			found := 0
			for i, text := range r {
				if slices.Contains(canaries[:], text) {
					found++
					if len(r) == 5 {
						places[i]++
					}
				}
			}
			if found != 2 || len(r) > 8+2 {
				t.Fatalf("a request of %d texts has %d canaries", len(r), found)
			}
		}
		for i := range 5 {
			if places[i] < 40 { // of 400; each has about 80
				t.Errorf("canaries are at %v", places)
			}
		}
		got, err := QueryEmbedder{g}.Embed(t.Context(), []string{"leave"})
		if err != nil || !cmp.Equal(got, [][]float32{modelled("fake", "query: leave")}) {
			t.Errorf("a query: %v, %v", got, err)
		}
	})
}

// TestGuardSharesRequests: texts that come while a request is under way go into the next
// together, and a long document does not hold up the others.
func TestGuardSharesRequests(t *testing.T) {
	p := &patient{spoil: func(ctx context.Context, _ []string, v [][]float32) ([][]float32, error) {
		time.Sleep(time.Second)
		return v, nil
	}}
	guarded(t, p, func(t *testing.T, g *Guard) {
		p.set(func(p *patient) { p.requests = nil })
		var order []string
		var mu sync.Mutex
		var all sync.WaitGroup
		embed := func(name string, n int) {
			all.Go(func() {
				got, err := g.Embed(t.Context(), texts(n))
				if err != nil || !cmp.Equal(got, modelledAll("fake", texts(n))) {
					t.Errorf("%s: %v", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait()
		}
		embed("long", 200)
		for range 4 {
			embed("short", 1)
		}
		all.Wait()
		if diff := cmp.Diff([]string{"short", "short", "short", "short", "long"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if n := len(p.asked()); n != 26 { // 204 texts, 8 at a time
			t.Errorf("%d requests", n)
		}
	})
}

// TestGuardRefusesSpoiledVectors: whatever is wrong with an answer, none of it is used.
func TestGuardRefusesSpoiledVectors(t *testing.T) {
	var previous [][]float32
	for name, tc := range map[string]struct {
		spoil func(ctx context.Context, texts []string, v [][]float32) ([][]float32, error)
		want  error
	}{
		"too few":  {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) { return v[1:], nil }, ErrAnswer},
		"too many": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) { return append(v, v[0]), nil }, ErrAnswer},
		"none":     {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) { return nil, nil }, ErrAnswer},
		"another size": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			v[0] = v[0][:8]
			return v, nil
		}, ErrAnswer},
		"NaN": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			zero := float32(0)
			v[len(v)-1][3] = zero / zero
			return v, nil
		}, ErrAnswer},
		"not of unit length": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			v[0][0] += 2
			return v, nil
		}, ErrAnswer},
		"constant": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			for i := range v {
				v[i] = v[0]
			}
			return v, nil
		}, ErrAnswer},
		"constant for texts": {func(_ context.Context, texts []string, v [][]float32) ([][]float32, error) {
			for i, text := range texts {
				if !slices.Contains(canaries[:], text) {
					v[i] = modelled("fake", "constant")
				}
			}
			return v, nil
		}, ErrAnswer},
		"in reverse": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			slices.Reverse(v)
			return v, nil
		}, ErrForeign},
		"shifted by one": {func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			return append(v[1:], v[0]), nil
		}, ErrForeign},
		"of another model": {func(_ context.Context, texts []string, _ [][]float32) ([][]float32, error) {
			return modelledAll("another", texts), nil
		}, ErrForeign},
		"of the previous request": {func(_ context.Context, texts []string, v [][]float32) ([][]float32, error) {
			v, previous = previous, v
			if len(v) != len(texts) {
				v = modelledAll("fake", []string{"of", "some", "other", "caller", "before", "!"})
			}
			return v, nil
		}, ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			p := &patient{}
			guarded(t, p, func(t *testing.T, g *Guard) {
				if _, err := g.Embed(t.Context(), texts(4)); err != nil {
					t.Fatal(err)
				}
				p.set(func(p *patient) { p.spoil = tc.spoil })
				var err error
				for range 3 { // that all three escape has a probability of less than one in ten million
					var got [][]float32
					if got, err = g.Embed(t.Context(), texts(4)); err != nil {
						if got != nil {
							t.Errorf("there are vectors beside the error: %v", got)
						}
						break
					}
				}
				if !errors.Is(err, tc.want) {
					t.Errorf("error is %v, want %v", err, tc.want)
				}
			})
		})
	}
}

// TestGuardKnowsTheModelAgain: what a model was known by lasts. Another one behind the
// same name is noticed after a restart, before anything is embedded; nothing of it is
// used; the log says what to do; and the first one is welcome back.
func TestGuardKnowsTheModelAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "embedder", "reference.json")
	guardedIn(t, &patient{}, file, func(t *testing.T, g *Guard) {
		if _, err := g.Embed(t.Context(), texts(1)); err != nil {
			t.Fatal(err)
		}
	})
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record has mode %v, %v", info.Mode(), err)
	}
	p := &patient{model: "another"}
	guardedIn(t, p, file, func(t *testing.T, g *Guard) {
		if _, err := g.Embed(t.Context(), texts(1)); !errors.Is(err, ErrForeign) {
			t.Errorf("documents are embedded by another model: %v", err)
		}
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); !errors.Is(err, ErrForeign) {
			t.Errorf("queries are embedded by another model: %v", err)
		}
		if p.queries > 0 || len(p.asked()) > 0 {
			t.Error("another model was given texts")
		}
		if log := p.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "embedder.revision") {
			t.Errorf("the log says:\n%s", log)
		}
		p.set(func(p *patient) { p.model = "fake" })
		pass(2 * lastProbe)
		if _, err := g.Embed(t.Context(), texts(1)); err != nil {
			t.Errorf("the model is back: %v", err)
		}
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); err != nil {
			t.Errorf("the model is back, but not for queries: %v", err)
		}
	})
}

// TestGuardNoticesAnotherModelByItself: also if nothing but queries comes, which go without
// canaries.
func TestGuardNoticesAnotherModelByItself(t *testing.T) {
	p := &patient{}
	guarded(t, p, func(t *testing.T, g *Guard) {
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); err != nil {
			t.Fatal(err)
		}
		p.set(func(p *patient) { p.model = "another" })
		pass(calmProbe + time.Second)
		if _, err := (QueryEmbedder{g}).Embed(t.Context(), texts(1)); !errors.Is(err, ErrForeign) {
			t.Errorf("error is %v", err)
		}
	})
}

// TestGuardLearnsNothingWrong: an embedder that is spoiled from the beginning is not
// recorded.
func TestGuardLearnsNothingWrong(t *testing.T) {
	n := 0
	for name, spoil := range map[string]func(ctx context.Context, texts []string, v [][]float32) ([][]float32, error){
		"constant": func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			for i := range v {
				v[i] = v[0]
			}
			return v, nil
		},
		"in reverse": func(_ context.Context, _ []string, v [][]float32) ([][]float32, error) {
			slices.Reverse(v)
			return v, nil
		},
		"another each time": func(_ context.Context, texts []string, _ [][]float32) ([][]float32, error) {
			n++
			return modelledAll(strings.Repeat("m", n), texts), nil
		},
	} {
		p := &patient{spoil: spoil}
		guarded(t, p, func(t *testing.T, g *Guard) {
			if _, err := g.Embed(t.Context(), texts(3)); !errors.Is(err, ErrAnswer) {
				t.Errorf("%s: error is %v", name, err)
			}
			if _, err := os.Stat(g.File); !os.IsNotExist(err) {
				t.Errorf("%s: it was recorded: %v", name, err)
			}
		})
	}
}

// TestGuardRefusesADamagedRecord: the program does not start on it.
func TestGuardRefusesADamagedRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reference.json")
	guardedIn(t, &patient{}, file, func(t *testing.T, g *Guard) {})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty": {}, "cut short": whole[:len(whole)/2], "of another space": bytes.Replace(whole, []byte("fake"), []byte("FAKE"), 1),
		"of other canaries": bytes.Replace(whole, []byte(`"Canaries":1`), []byte(`"Canaries":2`), 1),
		"without vectors":   []byte(`{"Space":"embedder:fake/16/0","Canaries":1,"Vectors":[[],[],[],[],[],[],[],[]]}`),
	} {
		if bytes.Equal(b, whole) {
			t.Fatalf("%s: it is whole", name)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewGuard((&patient{}).config(file)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
