package embed

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxLanes is how many requests for documents are under way at once.
const maxLanes = 2

// shortest is the bytes below which a text is not made shorter for the model.
const shortest = 256

// call is one caller's texts on their way.
type call struct {
	ctx     context.Context
	texts   []string
	vectors [][]float32
	next    int // texts before it have been taken into a request
	left    int // texts whose vector is still to come
	err     error
	done    chan struct{} // closed when err is set or nothing is left
}

// Embed embeds passages of documents. There is no timer: an idle Guard asks at once, and
// texts that come while it waits for an answer share the next request. A text that is too
// long for the model is embedded by its beginning. Errors: ErrUnavailable at once, the
// embedder's, and that ctx is done.
func (g *Guard) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	c := &call{ctx: ctx, texts: texts, vectors: make([][]float32, len(texts)), left: len(texts), done: make(chan struct{})}
	g.mu.Lock()
	if err := g.documents; err != nil {
		g.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	g.waiting = append(g.waiting, c)
	if g.lanes < maxLanes {
		g.lanes++
		g.running.Go(g.lane)
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.vectors, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// place is one text of a call.
type place struct {
	call *call
	text int
}

// lane makes requests as long as texts wait.
func (g *Guard) lane() {
	for {
		g.mu.Lock()
		places := g.take()
		if len(places) == 0 {
			g.lanes--
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		texts := make([]string, len(places))
		for i, p := range places {
			texts[i] = p.call.texts[p.text]
		}
		vectors, errs := g.batch(texts)
		g.mu.Lock()
		for i, p := range places {
			p.call.settle(p.text, vectors[i], errs[i])
		}
		g.mu.Unlock()
	}
}

// take picks the texts of the next request. Callers take turns, so that one with a long
// document does not hold up the others. Those who have left are left out; if the embedder
// is out of use, nobody waits for it. g.mu is held.
func (g *Guard) take() (places []place) {
	for len(places) < g.Batch && len(g.waiting) > 0 {
		turn := max(1, (g.Batch-len(places))/len(g.waiting))
		c := g.waiting[0]
		g.waiting = g.waiting[1:]
		switch {
		case c.err != nil || c.ctx.Err() != nil:
			continue
		case g.documents != nil:
			c.settle(c.next, nil, fmt.Errorf("%w: %w", ErrUnavailable, g.documents))
			continue
		}
		for range min(turn, len(c.texts)-c.next) {
			places = append(places, place{c, c.next})
			c.next++
		}
		if c.next < len(c.texts) {
			g.waiting = append(g.waiting, c)
		}
	}
	return places
}

// settle notes what became of one text. Guard.mu is held.
func (c *call) settle(text int, vector []float32, err error) {
	if c.err != nil {
		return // it has ended
	}
	c.vectors[text] = vector
	c.left--
	if err != nil {
		c.err = fmt.Errorf("text %d of %d: %w", text+1, len(c.texts), err)
		c.vectors = nil
	}
	if c.err != nil || c.left == 0 {
		close(c.done)
	}
}

// batch embeds texts in one request, or in several if they are too long together. Each has
// a vector or an error.
func (g *Guard) batch(texts []string) (vectors [][]float32, errs []error) {
	ctx, cancel := context.WithTimeout(g.ctx, g.Timeout)
	vectors, err := g.ask(ctx, texts)
	cancel()
	switch {
	case err == nil:
		return vectors, make([]error, len(texts))
	case !errors.Is(err, ErrTooLong):
		g.failed(err)
	case len(texts) > 1:
		vectors, errs = g.batch(texts[:len(texts)/2])
		more, others := g.batch(texts[len(texts)/2:])
		return append(vectors, more...), append(errs, others...)
	default:
		if short := shortened(texts[0]); short != "" {
			return g.batch([]string{short})
		}
	}
	vectors, errs = make([][]float32, len(texts)), make([]error, len(texts))
	for i := range errs {
		errs[i] = err
	}
	return vectors, errs
}

// shortened is the first half of a text, "" if that would be too little.
func shortened(text string) string {
	end := len(text) / 2
	if end < shortest {
		return ""
	}
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
