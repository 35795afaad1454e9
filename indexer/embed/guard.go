package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"
)

// Request embeds texts: one vector of unit length for each, in order. It may say
// ErrTooLong.
type Request func(ctx context.Context, texts []string) ([][]float32, error)

// GuardConfig is what a Guard needs. Every field is required.
type GuardConfig struct {
	Documents Request       // one request for passages of documents
	Queries   Request       // one request for a query
	Space     Space         // of both
	Batch     int           // texts that Documents takes at once
	Timeout   time.Duration // of one request for documents, with all its attempts
	Budget    time.Duration // of a query
	File      string        // where the canaries' vectors are kept
	Log       *slog.Logger
}

// Guard stands before an embedder that may be slow, down or wrong.
//
// Texts that wait to be embedded share requests. With each go two canaries, whose vectors
// must be those that were recorded when the space was first used: else another model
// answers, or the vectors are not in the order of their texts, and none of them is used.
// While the embedder does not answer, nobody waits for it (a circuit breaker): one
// goroutine goes on asking for canaries, at growing intervals, until they are right again.
// It also asks now and then when all is well, because queries go without canaries.
//
// It is safe for concurrent use.
type Guard struct {
	GuardConfig
	ctx      context.Context // ends with Close
	stop     context.CancelFunc
	running  sync.WaitGroup
	first    chan struct{} // closed when the embedder has been asked for the first time
	alarm    chan struct{} // something went wrong: look soon
	learning chan struct{} // holds a token while nobody records the reference

	mu        sync.Mutex
	known     *reference
	documents error // why nothing is embedded at present; nil if it is
	queries   error // why queries are not
	late      int   // queries in a row that had no answer
	waiting   []*call
	lanes     int // requests under way
}

// Errors of a Guard beside the embedder's.
var (
	// ErrUnavailable says that the embedder is not asked at present, because it did not
	// answer or answered wrongly a short while ago. The cause is joined to it.
	ErrUnavailable = errors.New("embed: the embedding server is out of use for now")
	errStarting    = errors.New("it has not been asked yet")
	errSlow        = errors.New("its answers come too late for queries")
	errClosed      = errors.New("the server is stopping")
)

// startWait is how long Start waits for the embedder's first answer.
const startWait = 2 * time.Second

// NewGuard reads what has been recorded of the space. It calls nobody. Error: the record
// cannot be read.
func NewGuard(c GuardConfig) (*Guard, error) {
	known, err := loadReference(c.File, c.Space)
	if err != nil {
		return nil, fmt.Errorf("reading what the embedding model was known by: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &Guard{
		GuardConfig: c, ctx: ctx, stop: stop, known: known,
		first: make(chan struct{}), alarm: make(chan struct{}, 1), learning: make(chan struct{}, 1),
		queries: errStarting, // unknown means no
	}
	g.learning <- struct{}{}
	return g, nil
}

// Start begins to watch the embedder, and waits a little for its first answer. That it is
// not there is no error: it may come later.
func (g *Guard) Start() {
	g.running.Go(g.watch)
	select {
	case <-g.first:
	case <-time.After(startWait):
	}
}

// Close ends everything that is under way.
func (g *Guard) Close() error {
	g.mu.Lock()
	g.stop()
	g.documents, g.queries = errClosed, errClosed
	g.mu.Unlock()
	g.running.Wait()
	return nil
}

// ask makes one request for documents, with canaries.
func (g *Guard) ask(ctx context.Context, texts []string) ([][]float32, error) {
	known, err := g.reference(ctx)
	if err != nil {
		return nil, err
	}
	e := accompany(texts)
	vectors, err := g.call(ctx, g.Documents, e.texts)
	if err != nil {
		return nil, err
	}
	return e.dismiss(vectors, known)
}

// call makes a request and checks the form of its answer.
func (g *Guard) call(ctx context.Context, request Request, texts []string) ([][]float32, error) {
	vectors, err := request(ctx, texts)
	if err != nil {
		return nil, err
	}
	return vectors, check(vectors, len(texts), g.Space.Dimensions)
}

// check demands n vectors of the size and of unit length.
func check(vectors [][]float32, n, dimensions int) error {
	if len(vectors) != n {
		return fmt.Errorf("%w: %d vectors for %d texts", ErrAnswer, len(vectors), n)
	}
	for _, v := range vectors {
		if len(v) != dimensions {
			return fmt.Errorf("%w: a vector of %d numbers, where the configuration says %d", ErrAnswer, len(v), dimensions)
		}
		if length := cosine(v, v); !(math.Abs(length-1) < 1e-3) { // NaN too
			return fmt.Errorf("%w: a vector that is not of unit length", ErrAnswer)
		}
	}
	return nil
}

// reference is what the canaries' vectors have to be. The first to ask records it, while
// others wait.
func (g *Guard) reference(ctx context.Context) (*reference, error) {
	select {
	case <-g.learning:
		defer func() { g.learning <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	g.mu.Lock()
	known := g.known
	g.mu.Unlock()
	if known != nil {
		return known, nil
	}
	together, err := g.call(ctx, g.Documents, canaries[:])
	if err != nil {
		return nil, err
	}
	var alone [][]float32
	for i := range canaries {
		v, err := g.call(ctx, g.Documents, canaries[i:i+1])
		if err != nil {
			return nil, err
		}
		alone = append(alone, v...)
	}
	known, err = learned(g.Space, together, alone)
	if err != nil {
		return nil, err
	}
	if err := known.save(g.File); err != nil {
		return nil, fmt.Errorf("recording what the embedding model is known by: %w", err)
	}
	g.mu.Lock()
	g.known = known
	g.mu.Unlock()
	g.Log.Info("embedding model recorded", "space", g.Space.ID, "file", g.File)
	return known, nil
}
