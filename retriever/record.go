package retriever

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// Ranking names the way results are found and ordered, for the record. It changes when
// any constant of the ranking does.
const Ranking = "bm25(k1=1.2,b=0.75)+cosine/max+max/demote0.5(versions0.5)/tie0.03/cap2/layers50x4"

// Options is what is recorded of a request beside its query, as JSON.
type Options struct {
	Limit      int
	From       int `json:",omitempty"`
	Filter     indexer.Filter
	VectorHash string    `json:",omitempty"` // of the query's own vector
	AsOf       time.Time `json:",omitzero"`
}

// record makes the answer durable in the audit log.
func (r *Retriever) record(ctx context.Context, caller acl.Identity, req Request, state *indexer.State, visible *indexer.Visible, a Answer) (audit.Entry, error) {
	var vector string // as the query: who has the vector can tell that it was this one
	if req.Vector != nil {
		var b []byte
		for _, x := range req.Vector.Values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		vector = r.Hash(string(b))
	}
	options, err := json.Marshal(Options{req.Limit, req.From, req.Filter, vector, req.AsOf})
	if err != nil {
		return audit.Entry{}, err
	}
	retrieval := &audit.Retrieval{
		QueryHash: r.Hash(req.Query), Query: req.Query, Options: options,
		Revision: uint64(state.Revision()), Ranking: Ranking, VectorSpace: r.space(req), VectorWeight: r.weight(req), Conflicts: len(a.Conflicts),
		Withheld: a.Withheld, Caller: pinned(caller, req), Expected: expected(state, visible, a, req.Filter),
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
			Ordinal: res.Passage.ID.Ordinal, URI: res.Document.URI,
		})
	}
	pinPolicies(state.Table, retrieval.Sources)
	pinConflicts(a.Conflicts, retrieval.Sources)
	return r.Log.Append(ctx, audit.Record{
		ID: req.ID, Time: a.At, Kind: "retrieve", App: string(caller.App), User: string(caller.User),
		Chain: req.Chain, Groups: audit.GroupsOf(caller), Retrieval: retrieval,
	})
}

// expected is what the judgement took from the sources: those of the answer, and if states
// were asked for, all that the caller can see something of, for they decided what was there.
func expected(state *indexer.State, visible *indexer.Visible, a Answer, f indexer.Filter) map[string]audit.Expectation {
	var all map[string]audit.Expectation
	add := func(source string) {
		if e := state.Expected(source); !e.Equal(catalog.Expectation{}) {
			if all == nil {
				all = map[string]audit.Expectation{}
			}
			all[source] = audit.Expectation(e)
		}
	}
	for _, r := range a.Results {
		add(r.Document.Source)
	}
	if len(f.States) > 0 {
		for _, source := range visible.Sources() {
			add(source)
		}
	}
	return all
}

// pinned is what is recorded of the caller beside the names.
func pinned(caller acl.Identity, req Request) *audit.Caller {
	scope := caller.Scope
	return &audit.Caller{
		Roles: req.Roles, Guest: caller.Guest, Clearance: labels(caller.Clearance),
		Scope: &audit.Scope{
			AllSources: scope.AllSources, Sources: slices.Sorted(slices.Values(scope.Sources)), Clearance: labels(scope.Clearance),
		},
	}
}

// labels are those of the clearance, in order.
func labels(c acl.Clearance) (list []string) {
	for label, cleared := range c {
		if cleared {
			list = append(list, label)
		}
	}
	slices.Sort(list)
	return list
}

// pinPolicies notes of each source which policies let it through. Documents share policies,
// some of 10,000 grants, so each is hashed once.
func pinPolicies(t *indexer.Table, sources []audit.Source) {
	type kind struct {
		own                            *acl.Policy
		source, container, sensitivity string
	}
	known := map[kind]string{}
	for i := range sources {
		s := &sources[i]
		access, own, ok := t.Access(catalog.DocumentID{Source: s.Source, ID: s.ID})
		if !ok {
			continue
		}
		k := kind{own.Policy, s.Source, own.Container, access.Sensitivity}
		if known[k] == "" {
			sum := access.Digest()
			known[k] = hex.EncodeToString(sum[:])
		}
		s.AccessVersion, s.Policies = own.Version, known[k]
	}
}

// pinConflicts notes of each source which others of the answer contradict it.
func pinConflicts(conflicts []Conflict, sources []audit.Source) {
	note := func(i, j int) {
		if ranks := &sources[i].ConflictsWith; !slices.Contains(*ranks, sources[j].Rank) {
			*ranks = append(*ranks, sources[j].Rank)
			slices.Sort(*ranks)
		}
	}
	for _, c := range conflicts {
		note(c.A, c.B)
		note(c.B, c.A)
	}
}
