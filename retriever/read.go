package retriever

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// How the order by relevance is corrected by what is known of the sources.
const (
	perDocument = 2    // passages of one document, on all pages together
	demotion    = 0.5  // of a document that a visible one supersedes
	tie         = 0.03 // scores this close are a tie, won by the newer source
)

// Result is one passage of an answer.
type Result struct {
	Passage      catalog.Passage
	Document     catalog.Document
	Score        float64
	Coverage     float64
	Finding      freshness.Finding
	SupersededBy *catalog.DocumentID // a document the caller can see, if Finding says so
}

// judged is a document with what freshness says of it to this caller.
type judged struct {
	catalog.Document
	finding      freshness.Finding
	supersededBy *catalog.DocumentID
}

// sources are the documents of one request's candidates, read once each.
type sources struct {
	state      *indexer.State
	view       acl.View
	succession *indexer.Succession
	filter     indexer.Filter
	at         time.Time                      // when they are judged
	judged     map[catalog.DocumentID]*judged // nil: not for this view
}

// read reads the documents of the candidates and judges them.
func (s *sources) read(ctx context.Context, candidates []candidate) error {
	var ids []catalog.DocumentID
	for _, c := range candidates {
		if _, seen := s.judged[c.id.Document]; !seen {
			s.judged[c.id.Document] = nil
			ids = append(ids, c.id.Document)
		}
	}
	documents, err := s.state.Documents(ctx, s.view, ids)
	if err != nil {
		return err
	}
	for _, d := range documents {
		finding, by, err := judge(ctx, s.succession, d, s.state.Expected(d.Source), s.at)
		if err != nil {
			return err
		}
		if s.filter.Admits(&d, finding.State, s.at) {
			s.judged[d.DocumentID] = &judged{d, finding, by}
		}
	}
	return nil
}

// Judge says how far the view may trust a document it can see. A document superseded by
// one the view does not admit is not superseded for it.
func Judge(ctx context.Context, state *indexer.State, view acl.View, d catalog.Document) (freshness.Finding, *catalog.DocumentID, error) {
	return JudgeAt(ctx, state, view, view.At(), d)
}

// JudgeAt is Judge as of another instant. Who may see what stays that of the view.
func JudgeAt(ctx context.Context, state *indexer.State, view acl.View, at time.Time, d catalog.Document) (freshness.Finding, *catalog.DocumentID, error) {
	return judge(ctx, state.Succession(view, at), d, state.Expected(d.Source), at)
}

func judge(ctx context.Context, of *indexer.Succession, d catalog.Document, expected catalog.Expectation, at time.Time) (freshness.Finding, *catalog.DocumentID, error) {
	by, how, err := of.Of(ctx, &d)
	if err != nil {
		return freshness.Finding{}, nil, err
	}
	clocks := d.Clocks(expected)
	clocks.Superseded, clocks.How = by != nil, how
	return freshness.Judge(clocks, at), by, nil
}

// byScore sorts by score, ties by passage id.
func byScore(results []Result) {
	slices.SortFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.Passage.ID.Compare(b.Passage.ID))
	})
}

// tied is how many of the first results have a score within the tie of the best.
func tied(results []Result) int {
	n := 1
	for n < len(results) && results[n].Score >= results[0].Score*(1-tie) {
		n++
	}
	return n
}

// newest sorts results that tie, newer first.
func newest(tied []Result) []Result {
	slices.SortStableFunc(tied, func(a, b Result) int {
		return b.Document.Modified.Truncate(time.Second).Compare(a.Document.Modified.Truncate(time.Second))
	})
	return tied
}

func readPassages(ctx context.Context, state *indexer.State, view acl.View, results []Result) ([]Result, error) {
	ids := make([]catalog.PassageID, len(results))
	for i, r := range results {
		ids[i] = r.Passage.ID
	}
	passages, err := state.Passages(ctx, view, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[catalog.PassageID]catalog.Passage, len(passages))
	for _, p := range passages {
		byID[p.ID] = p
	}
	var kept []Result
	for _, r := range results {
		if p, ok := byID[r.Passage.ID]; ok {
			r.Passage = p
			kept = append(kept, r)
		}
	}
	return kept, nil
}
