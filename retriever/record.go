package retriever

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/indexer"
)

// Ranking names the way results are found and ordered, for the record. It changes when
// any constant of the ranking does.
const Ranking = "bm25(k1=1.2,b=0.75)+cosine/max+max/demote0.5/tie0.03/cap2/layers100x4"

// record makes the answer durable in the audit log.
func (r *Retriever) record(ctx context.Context, caller acl.Identity, req Request, state *indexer.State, a Answer) (audit.Entry, error) {
	var vector string // as the query: who has the vector can tell that it was this one
	if req.Vector != nil {
		vector = r.Hash(fmt.Sprint(req.Vector.Values))
	}
	options, err := json.Marshal(struct {
		Limit      int
		From       int `json:",omitempty"`
		Filter     indexer.Filter
		VectorHash string `json:",omitempty"`
	}{req.Limit, req.From, req.Filter, vector})
	if err != nil {
		return audit.Entry{}, err
	}
	retrieval := &audit.Retrieval{
		QueryHash: r.Hash(req.Query), Query: req.Query, Options: options,
		Revision: uint64(state.Revision()), Ranking: Ranking, VectorSpace: r.space(req), Conflicts: len(a.Conflicts),
		Withheld: a.Withheld,
	}
	for _, d := range a.Degradations {
		retrieval.Degradations = append(retrieval.Degradations, d.String())
	}
	for i, res := range a.Results {
		retrieval.Sources = append(retrieval.Sources, audit.Source{
			Source: res.Document.Source, ID: res.Document.ID, Version: res.Document.Version,
			ContentHash: hex.EncodeToString(res.Document.ContentHash[:]),
			Start:       res.Passage.Span.Start, End: res.Passage.Span.End,
			Rank: req.From + i + 1, Score: res.Score, State: res.Finding.State.String(),
		})
	}
	return r.Log.Append(ctx, audit.Record{
		ID: req.ID, Time: a.At, Kind: "retrieve", App: string(caller.App), User: string(caller.User),
		Chain: req.Chain, Groups: audit.GroupsOf(caller), Retrieval: retrieval,
	})
}
