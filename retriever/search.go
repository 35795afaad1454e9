package retriever

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// embedBudget is how long a query may wait for its vector before it is searched by words
// only.
const embedBudget = 250 * time.Millisecond

// question is what the legs search for, and the vector leg's share in the fused score.
type question struct {
	indexer.Query
	weight float64
}

// Degradation names something that could not be done as usual.
type Degradation uint8

// The degradations.
const (
	KeywordOnly       Degradation = 1 + iota // the query could not be embedded in time
	KeywordRebuilding                        // the keyword index is being rebuilt
	VectorRebuilding                         // the vector index is being rebuilt
	PendingEmbedding                         // a document in view waits for its vectors
	SourceWithheld                           // a source that would be in view is withheld
	CutOff                                   // more may follow, but a query goes no further
)

// String returns the degradation's name in UPPER_SNAKE.
func (d Degradation) String() string {
	return [...]string{"", "KEYWORD_ONLY", "KEYWORD_REBUILDING", "VECTOR_REBUILDING", "PENDING_EMBEDDING", "SOURCE_WITHHELD", "CUT_OFF"}[d]
}

// question makes the text, and the vector that may have come with it, into what the legs
// search for, and names what is not as usual.
func (r *Retriever) question(ctx context.Context, state *indexer.State, text string, brought *question) (q question, degraded []Degradation) {
	if q.weight, q.Space = r.Weight, r.Space.ID; brought != nil {
		q = *brought
	}
	q.Text = text
	if state.Keyword == nil {
		degraded = append(degraded, KeywordRebuilding)
	}
	if state.Vector == nil {
		q.Vector = nil
		return q, append(degraded, VectorRebuilding)
	}
	if brought != nil {
		return q, degraded
	}
	ctx, cancel := context.WithTimeout(ctx, embedBudget)
	defer cancel()
	vectors, err := r.Embedder.Embed(ctx, []string{text})
	if err != nil || len(vectors) != 1 {
		return q, append(degraded, KeywordOnly)
	}
	if v := vectors[0]; v != nil { // else the text has none
		if _, ok := indexer.Unit(v); !ok || len(v) != r.Space.Dimensions {
			return q, append(degraded, KeywordOnly)
		}
		q.Vector = v
	}
	return q, degraded
}

// hits is what the two legs found.
type hits struct{ keyword, vector []indexer.Hit }

// search asks both legs at once. A leg that turns out to be damaged is named and left
// out, unless it was the only one.
func search(ctx context.Context, state *indexer.State, visible *indexer.Visible, q indexer.Query, depth int) (found hits, failed []Degradation, err error) {
	byWords, byVector := state.Keyword != nil, state.Vector != nil && q.Vector != nil
	var wordsErr error
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil { // beyond the reach of the call's own recovery
				err = fmt.Errorf("searching by vector: panic: %v", p)
			}
			done <- err
		}()
		if byVector {
			found.vector, err = state.Vector.Search(ctx, visible, q, depth)
		}
	}()
	if byWords {
		found.keyword, wordsErr = state.Keyword.Search(ctx, visible, q, depth)
	}
	vectorErr := <-done
	if errors.Is(wordsErr, indexer.ErrIndexFailed) {
		failed, byWords, wordsErr = append(failed, KeywordRebuilding), false, nil
	}
	if errors.Is(vectorErr, indexer.ErrIndexFailed) {
		failed, byVector, vectorErr = append(failed, VectorRebuilding), false, nil
	}
	if !byWords && !byVector {
		return hits{}, nil, ErrUnavailable
	}
	return found, failed, cmp.Or(wordsErr, vectorErr)
}

// candidate is a passage with its scores.
type candidate struct {
	id       catalog.PassageID
	words    float64 // BM25 as a share of the best, 0 to 1
	cosine   float64 // as a share of the best, 0 to 1
	score    float64 // fused, 0 to 1
	coverage float64 // share of the query's words it holds, weighted by rarity
}

// fuse adds up the legs' scores, each divided by the best its leg found. Fusing ranks
// instead (reciprocal rank fusion) gives a weak vector leg too much say. A passage that
// only the keyword leg found is taken to be as near as the farthest that the vector leg
// found: the best cosines lie close together, and 0 would count as far off. The scores
// found are a function of the view, so the fused ones are too. Ties go by passage id. The
// weight is the vector leg's.
func fuse(visible *indexer.Visible, found hits, weight float64) []candidate {
	switch {
	case len(found.vector) == 0 || found.vector[0].Score <= 0:
		weight, found.vector = 0, nil
	case len(found.keyword) == 0:
		weight = 1
	}
	farthest := 0.0
	if n := len(found.vector); n > 0 {
		farthest = max(0, found.vector[n-1].Score/found.vector[0].Score)
	}
	byRow := map[catalog.Row]*candidate{}
	for _, h := range found.keyword {
		byRow[h.Row] = &candidate{
			id: visible.ID(h.Row), words: h.Score / found.keyword[0].Score, cosine: farthest, coverage: h.Coverage,
		}
	}
	for _, h := range found.vector {
		c := byRow[h.Row]
		if c == nil {
			c = &candidate{id: visible.ID(h.Row)}
			byRow[h.Row] = c
		}
		c.cosine = max(0, h.Score/found.vector[0].Score)
	}
	fused := make([]candidate, 0, len(byRow))
	for _, c := range byRow {
		// Conversions keep a compiler from fusing the sum differently elsewhere.
		c.score = float64((1-weight)*c.words) + float64(weight*c.cosine)
		fused = append(fused, *c)
	}
	slices.SortFunc(fused, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), a.id.Compare(b.id))
	})
	return fused
}
