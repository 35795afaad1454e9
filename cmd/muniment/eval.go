package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

func evalCommand() *cobra.Command {
	var data string
	var asJSON bool
	c := &cobra.Command{
		Use:   "eval --data DIR",
		Short: "Measure how well documents are found, on a test collection",
		Long: `Measure how well documents are found, on a test collection in the layout of BEIR: DIR/corpus.jsonl,
DIR/queries.jsonl and DIR/qrels.tsv (or DIR/qrels/test.tsv), each .gz or not. The collection is indexed in a
temporary directory, just as a server would, and every judged query is asked of each index and of both together.

Figures, each from 0 to 1: ndcg_at_10 with the grade as gain, mrr_at_10 and recall_at_100.`,
		Example: "  muniment eval --data ./scifact\n  muniment eval --data ./scifact --json | jq .hybrid.ndcg_at_10",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is missing: a folder in the layout of BEIR")
			}
			set, err := readCollection(data)
			if err != nil {
				return usageError{err}
			}
			report, err := evaluate(c.Context(), set)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(report)
			}
			report.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", "", "the collection's folder")
	c.Flags().BoolVar(&asJSON, "json", false, "print the figures as JSON")
	c.AddCommand(evalConflictsCommand())
	return c
}

// quality is how well one way of searching did, averaged over the judged queries.
type quality struct {
	NDCG10    float64 `json:"ndcg_at_10"`
	MRR10     float64 `json:"mrr_at_10"`
	Recall100 float64 `json:"recall_at_100"`
}

type evalReport struct {
	Documents int     `json:"documents"`
	Queries   int     `json:"queries"`
	Keyword   quality `json:"keyword"`
	Vector    quality `json:"vector"`
	Hybrid    quality `json:"hybrid"`
}

func (r evalReport) print(w io.Writer) {
	fmt.Fprintf(w, "documents              %d\nqueries                %d\n", r.Documents, r.Queries)
	for _, leg := range []struct {
		name string
		quality
	}{{"keyword", r.Keyword}, {"vector", r.Vector}, {"hybrid", r.Hybrid}} {
		fmt.Fprintf(w, "%-22s %.4f\n", leg.name+".ndcg_at_10", leg.NDCG10)
		fmt.Fprintf(w, "%-22s %.4f\n", leg.name+".mrr_at_10", leg.MRR10)
		fmt.Fprintf(w, "%-22s %.4f\n", leg.name+".recall_at_100", leg.Recall100)
	}
}

const evalDepth = 100

// evaluate indexes the collection in a temporary directory and asks every judged query.
func evaluate(ctx context.Context, set collection) (report evalReport, err error) {
	dir, err := os.MkdirTemp("", "muniment-eval-")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(dir)
	cfg := defaultConfig()
	cfg.Data = dir
	e, err := open(ctx, cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	if err := load(ctx, e.server.Indexer, set.documents); err != nil {
		return report, fmt.Errorf("indexing the collection: %w", err)
	}
	searches := map[*quality]func(query string) ([]string, error){
		&report.Keyword: func(q string) ([]string, error) { return searchLeg(ctx, e, q, false) },
		&report.Vector:  func(q string) ([]string, error) { return searchLeg(ctx, e, q, true) },
		&report.Hybrid:  func(q string) ([]string, error) { return searchBoth(ctx, e, q) },
	}
	report.Documents = len(set.documents)
	for _, id := range slices.Sorted(maps.Keys(set.judgements)) {
		report.Queries++
		for q, search := range searches {
			ranking, err := search(set.queries[id])
			if err != nil {
				return report, fmt.Errorf("query %s: %w", id, err)
			}
			q.add(ranking, set.judgements[id])
		}
	}
	for q := range searches {
		q.average(report.Queries)
	}
	return report, nil
}

// load sends the documents through the same steps as an Ingest stream.
func load(ctx context.Context, x *indexer.Indexer, documents []evalDocument) error {
	mutations := make([]catalog.PutDocument, len(documents))
	for i, d := range documents {
		mutations[i] = d.mutation()
	}
	return loadAll(ctx, x, mutations)
}

func loadAll(ctx context.Context, x *indexer.Indexer, documents []catalog.PutDocument) error {
	var tickets []indexer.Ticket
	workers := make(chan struct{}, runtime.GOMAXPROCS(0))
	type prepared struct {
		mutation catalog.Mutation
		err      error
	}
	results := make([]chan prepared, len(documents))
	for i := range results {
		results[i] = make(chan prepared, 1)
	}
	go func() {
		for i, d := range documents {
			workers <- struct{}{}
			go func() {
				m, err := x.Prepare(ctx, d)
				results[i] <- prepared{m, err}
				<-workers
			}()
		}
	}()
	for _, r := range results {
		p := <-r
		if p.err != nil {
			return p.err
		}
		t, err := x.Submit(ctx, indexer.Actor{}, p.mutation, catalog.Request{})
		if err != nil {
			return err
		}
		tickets = append(tickets, t)
	}
	for _, t := range tickets {
		if o, _, err := t.Wait(ctx); cmp.Or(err, o.Refused) != nil {
			return cmp.Or(err, o.Refused)
		}
	}
	return nil
}

// evalCaller may read the whole collection.
func evalCaller() acl.Identity {
	clearance := acl.DefaultScale.UpTo(acl.DefaultSensitivity)
	return acl.Identity{
		User: "user:local/eval", App: "service:eval", Clearance: clearance,
		Scope: acl.Scope{AllSources: true, Clearance: clearance},
	}
}

// searchLeg ranks documents by their best passage in one index.
func searchLeg(ctx context.Context, e *engine, query string, byVector bool) ([]string, error) {
	state, err := e.server.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	view, err := state.View(evalCaller(), e.server.Now())
	if err != nil {
		return nil, err
	}
	q, reader := indexer.Query{Text: query}, state.Keyword
	if byVector {
		vectors, err := e.server.Retriever.Embedder.Embed(ctx, []string{query})
		if err != nil {
			return nil, err
		}
		q, reader = indexer.Query{Space: e.server.Retriever.Space.ID, Vector: vectors[0]}, state.Vector
	}
	visible := state.Table.Visible(view)
	hits, err := reader.Search(ctx, visible, q, 3*evalDepth)
	if err != nil {
		return nil, err
	}
	var ranking []string
	for _, h := range hits {
		ranking = append(ranking, visible.ID(h.Row).Document.ID)
	}
	return distinct(ranking), nil
}

// searchBoth ranks documents as Retrieve does.
func searchBoth(ctx context.Context, e *engine, query string) ([]string, error) {
	answer, err := e.server.Retriever.Retrieve(ctx, evalCaller(), retriever.Request{ID: "eval", Query: query, Limit: evalDepth})
	if err != nil {
		return nil, err
	}
	var ranking []string
	for _, r := range answer.Results {
		ranking = append(ranking, r.Document.ID)
	}
	return distinct(ranking), nil
}

// distinct keeps the first of each, at most evalDepth of them.
func distinct(ids []string) []string {
	seen := map[string]bool{}
	var kept []string
	for _, id := range ids {
		if !seen[id] && len(kept) < evalDepth {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}

// add judges one ranking. The gain of a document is its grade, its discount log2(rank+1)
// (Järvelin and Kekäläinen 2002).
func (q *quality) add(ranking []string, grades map[string]float64) {
	gain, found, reciprocal := 0.0, 0.0, 0.0
	for i, id := range ranking {
		g := grades[id]
		if g <= 0 {
			continue
		}
		found++
		if i < 10 {
			gain += g / math.Log2(float64(i)+2)
			reciprocal = max(reciprocal, 1/float64(i+1))
		}
	}
	ideal, relevant := 0.0, 0.0
	for i, g := range slices.Backward(slices.Sorted(maps.Values(grades))) {
		rank := len(grades) - 1 - i
		if g > 0 {
			relevant++
			if rank < 10 {
				ideal += g / math.Log2(float64(rank)+2)
			}
		}
	}
	if relevant > 0 {
		q.NDCG10 += gain / ideal
		q.Recall100 += found / relevant
	}
	q.MRR10 += reciprocal
}

func (q *quality) average(n int) {
	if n > 0 {
		q.NDCG10 /= float64(n)
		q.MRR10 /= float64(n)
		q.Recall100 /= float64(n)
	}
}
