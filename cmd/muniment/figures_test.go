package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// figures makes TestIngestionFigures measure; it reports, and judges nothing.
var figures = flag.Bool("figures", false, "measure ingestion and print a table for docs/performance.md")

// measured is a generator of documents and vectors in the sizes that docs/performance.md
// speaks of: five passages of 60 to 120 words from a vocabulary that follows Zipf's law.
type measured struct {
	*rand.Rand
	zipf *rand.Zipf
}

func newMeasured(seed uint64) measured {
	r := rand.New(rand.NewPCG(seed, 7600))
	return measured{r, rand.NewZipf(r, 1.1, 4, 200_000)}
}

func (m measured) passage() string {
	words := make([]string, 60+m.IntN(61))
	for i := range words {
		words[i] = fmt.Sprintf("w%x", m.zipf.Uint64())
	}
	return strings.Join(words, " ")
}

func (m measured) vector() []float32 {
	v, sum := make([]float32, 384), 0.0
	for i := range v {
		v[i] = float32(m.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

const measuredPassages = 5 // of a document

func (m measured) document(source string, i int, vectors bool) *pb.IngestRequest {
	d := &pb.Document{Source: source, Id: fmt.Sprintf("%07d", i), Version: 1, Mime: "text/markdown", Container: new(string)}
	*d.Container = "all"
	for p := range measuredPassages {
		text := m.passage()
		if vectors {
			d.VectorSpace = "figures/384"
			d.Passages = append(d.Passages, &pb.SuppliedPassage{Text: text, Vector: m.vector()})
			continue
		}
		d.Text += fmt.Sprintf("## Section %d\n\n%s.\n\n", p+1, text)
	}
	return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: d}}
}

func container(readers ...string) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Container{Container: &pb.Container{Source: "figures", Id: "all", Policy: allow(readers...)}}}
}

// figuresServer serves an empty directory with a space for supplied vectors.
func figuresServer(t *testing.T) *server {
	cfg := testConfig(t.TempDir())
	cfg.VectorSpaces = []spaceConfig{{ID: "figures/384", Dimensions: 384}}
	s := serveConfig(t, cfg)
	s.mustSend(container("everyone"))
	return s
}

func TestIngestionFigures(t *testing.T) {
	if !*figures {
		t.Skip("a measurement: run it with -figures")
	}
	spread()
	row := func(what, format string, args ...any) {
		fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Print("| what | figure |\n|---|---|\n")
	t.Run("documents", func(t *testing.T) { measureDocuments(t, row) })
	t.Run("container", func(t *testing.T) { measureContainer(t, row) })
	t.Run("queries", func(t *testing.T) { measureQueries(t, row) })
}

// measureDocuments sends documents as text alone, and with passages and vectors.
func measureDocuments(t *testing.T, row func(string, string, ...any)) {
	for _, mode := range []struct {
		what      string
		vectors   bool
		documents int
	}{{"from raw Markdown: split, prepared, embedded by the built-in model", false, 4000}, {"with passages and 384-dimensional vectors supplied", true, 8000}} {
		s := figuresServer(t)
		m := newMeasured(1)
		var items []*pb.IngestRequest
		for i := range mode.documents {
			items = append(items, m.document("figures", i, mode.vectors))
		}
		start := time.Now()
		s.mustSend(items...)
		took := time.Since(start).Seconds()
		row(mode.what, "%.0f documents/s, %.0f passages/s", float64(len(items))/took, measuredPassages*float64(len(items))/took)
		s.stop()
	}
}

// measureContainer changes who may read 100,000 documents, idle and while others arrive.
func measureContainer(t *testing.T, row func(string, string, ...any)) {
	s := figuresServer(t)
	const documents = 100_000
	m := newMeasured(2)
	for base := 0; base < documents; base += 10_000 {
		var items []*pb.IngestRequest
		for i := range 10_000 {
			d := m.document("figures", base+i, false)
			d.GetDocument().Text, d.GetDocument().Mime = strings.Join(strings.Fields(m.passage())[:12], " "), "text/plain"
			items = append(items, d)
		}
		s.mustSend(items...)
	}
	ada := s.user("user:local/ada")
	see := func() int {
		resp, err := s.retrieval().Retrieve(ada, &pb.RetrieveRequest{Query: "w0 w1", Filter: &pb.Filter{Sources: []string{"figures"}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(resp.GetResults())
	}
	change := func(n int) []time.Duration {
		var took []time.Duration
		for i := range n {
			readers, want := "user:local/bob", 0
			if i%2 == 1 {
				readers, want = "everyone", 10
			}
			start := time.Now()
			s.mustSend(container(readers))
			took = append(took, time.Since(start))
			if got := see(); got != want {
				t.Fatalf("after the change was acknowledged, %d results, want %d", got, want)
			}
		}
		slices.Sort(took)
		return took
	}
	took := change(20)
	row("container over 100,000 documents changed: acknowledged and in force", "p50 %v, worst %v of 20", took[10].Round(100*time.Microsecond), took[19].Round(100*time.Microsecond))
	timed := func() time.Duration {
		start := time.Now()
		see()
		return time.Since(start).Round(100 * time.Microsecond)
	}
	s.mustSend(container("everyone"))
	row("a query for the commonest words of them: the first after the change, and the next", "%v, %v", timed(), timed())
	stop := s.arriving(m)
	took = change(20)
	stop()
	row("the same while documents arrive", "p50 %v, worst %v of 20", took[10].Round(100*time.Microsecond), took[19].Round(100*time.Microsecond))
	s.stop()
}

// arriving sends documents one after the other until stop is called.
func (s *server) arriving(m measured) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	stream := s.stream()
	texts := make([]string, 1000) // made before, so that what is measured is not the making
	for i := range texts {
		texts[i] = m.document("", 0, false).GetDocument().GetText()
	}
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-end:
				stream.CloseSend()
				return
			default:
			}
			d := &pb.Document{
				Source: "arriving", Id: fmt.Sprintf("%07d", i), Version: 1, Mime: "text/markdown",
				Text: fmt.Sprintf("%s\nw%x\n", texts[i%len(texts)], i), Policy: allow("everyone"),
			}
			if stream.Send(&pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: d}}) != nil {
				return
			}
		}
	}()
	acknowledged := make(chan struct{})
	go func() {
		defer close(acknowledged)
		for {
			if _, err := stream.Recv(); err != nil {
				return
			}
		}
	}()
	return func() { close(end); <-done; <-acknowledged }
}

// measureQueries compares queries while nothing and while documents arrive.
func measureQueries(t *testing.T, row func(string, string, ...any)) {
	s := figuresServer(t)
	m := newMeasured(3)
	var items []*pb.IngestRequest
	for i := range 8000 {
		items = append(items, m.document("figures", i, false))
	}
	s.mustSend(items...)
	ask := func(who acl.Principal, n int) (took []time.Duration) {
		ctx := s.user(who)
		for range n {
			query := strings.Join(strings.Fields(m.passage())[:4], " ")
			start := time.Now()
			if _, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: query}); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return took
	}
	ask("user:local/ada", 200)
	idle := ask("user:local/ada", 1000)
	stop := s.arriving(newMeasured(4))
	busy := ask("user:local/ada", 1000)
	stop()
	p := func(d []time.Duration, q int) time.Duration { return d[len(d)*q/100].Round(10 * time.Microsecond) }
	row("query over 40,000 passages, nothing arriving", "p50 %v, p95 %v", p(idle, 50), p(idle, 95))
	row("the same while documents arrive as fast as they can", "p50 %v, p95 %v: %.1f× at p95", p(busy, 50), p(busy, 95), float64(p(busy, 95))/float64(p(idle, 95)))

	ctx := s.user("user:local/ada")
	start, n := time.Now(), 200
	for i := range n {
		d := m.document("figures", 100_000+i, false)
		mark := fmt.Sprintf("mark%dq", i)
		d.GetDocument().Text += mark
		s.mustSend(d)
		resp, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: mark})
		if err != nil || len(resp.GetResults()) == 0 {
			t.Fatalf("a document that was acknowledged is not found: %v", err)
		}
	}
	row("from acknowledgement to searchable", "0: each of %d was found by the next query; %v for both", n, (time.Since(start) / time.Duration(n)).Round(100*time.Microsecond))
	s.stop()
}
