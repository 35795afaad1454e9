package retriever_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// brought is a document of one passage whose sender has embedded it.
func brought(id, text string, vector []float32, by ...acl.Principal) catalog.PutDocument {
	m := page(id, id, text, by...)
	m.Document.VectorSpace = "brought/2"
	m.Passages = []catalog.Passage{{Text: text, Vector: vector}}
	return m
}

// A query with a vector of its own is searched in that vector's space, at that space's
// weight; and by its words as any other.
func TestQueryVector(t *testing.T) {
	d := newDesk(t)
	d.send(t,
		brought("east.md", "The ferry.", []float32{1, 0}, acl.Everyone), brought("north.md", "The dock.", []float32{0, 1}, acl.Everyone),
		brought("hidden.md", "The dock.", []float32{0.6, 0.8}, "user:local/ben"), page("own.md", "Own", "The dock.", acl.Everyone),
	)
	d.Embedder = embedder(nil) // nobody asks it
	for _, tc := range []struct {
		query  string
		vector []float32
		want   []string
		scores []float64
	}{
		{"unobtainium", []float32{0.1, 7}, []string{"north.md", "east.md"}, []float64{1, 0.1 / 7}},
		{"unobtainium", []float32{7, 0.1}, []string{"east.md", "north.md"}, []float64{1, 0.1 / 7}},
		{"ferry", []float32{0, 1}, []string{"north.md", "east.md"}, []float64{0.6, 0.4}},
		{"ferry", []float32{1, 0}, []string{"east.md", "north.md"}, []float64{1, 0}},
	} {
		a := d.ask(t, ada, retriever.Request{Query: tc.query, Vector: &retriever.Vector{Space: "brought/2", Values: tc.vector}})
		if diff := cmp.Diff(tc.want, ids(a)); diff != "" {
			t.Errorf("%s %v finds (-want +got):\n%s", tc.query, tc.vector, diff)
			continue
		}
		for i, r := range a.Results {
			if math.Abs(r.Score-tc.scores[i]) > 1e-6 {
				t.Errorf("%s %v: %s has %v, want %v", tc.query, tc.vector, r.Document.ID, r.Score, tc.scores[i])
			}
		}
		if len(a.Degradations) > 0 {
			t.Errorf("degradations %v", a.Degradations)
		}
		record, _, err := d.log.Record(t.Context(), a.Entry.Index)
		must(t, err)
		var options struct{ VectorHash string }
		must(t, json.Unmarshal(record.Retrieval.Options, &options))
		if record.Retrieval.VectorSpace != "brought/2" || options.VectorHash == "" {
			t.Errorf("recorded: space %q, options %s", record.Retrieval.VectorSpace, record.Retrieval.Options)
		}
	}
}

// TestLEAK21QueryVectors: a vector of a caller is refused unless its space allows queries,
// before anything is searched, whatever documents there are.
func TestLEAK21QueryVectors(t *testing.T) {
	nan := float32(math.NaN())
	empty, full := newDesk(t), newDesk(t)
	full.send(t, brought("east.md", "The ferry.", []float32{1, 0}, acl.Everyone), brought("hidden.md", "The dock.", []float32{0, 1}))
	own := full.Space.ID
	for _, tc := range []struct {
		reason, field string
		vector        retriever.Vector
	}{
		{"VECTOR_QUERIES_OFF", "vector.space", retriever.Vector{Space: "closed/2", Values: []float32{1, 0}}},
		{"VECTOR_QUERIES_OFF", "vector.space", retriever.Vector{Space: "closed/2", Values: []float32{nan}}},
		{"VECTOR_QUERIES_OFF", "vector.space", retriever.Vector{Space: own, Values: make([]float32, 100)}},
		{"UNKNOWN_VECTOR_SPACE", "vector.space", retriever.Vector{Space: "elsewhere/2", Values: []float32{1, 0}}},
		{"UNKNOWN_VECTOR_SPACE", "vector.space", retriever.Vector{}},
		{"VECTOR_SIZE", "vector.values", retriever.Vector{Space: "brought/2", Values: []float32{1}}},
		{"VECTOR_SIZE", "vector.values", retriever.Vector{Space: "brought/2", Values: []float32{1, 0, 0}}},
		{"VECTOR_SIZE", "vector.values", retriever.Vector{Space: "brought/2"}},
		{"VECTOR_NOT_FINITE", "vector.values", retriever.Vector{Space: "brought/2", Values: []float32{0, 0}}},
		{"VECTOR_NOT_FINITE", "vector.values", retriever.Vector{Space: "brought/2", Values: []float32{nan, 0}}},
		{"VECTOR_NOT_FINITE", "vector.values", retriever.Vector{Space: "brought/2", Values: []float32{1, float32(math.Inf(-1))}}},
	} {
		var said []string
		for _, d := range []*desk{empty, full} {
			before := d.log.Size()
			_, err := d.Retrieve(t.Context(), ada, retriever.Request{ID: "r", Query: "ferry", Limit: 10, Vector: &tc.vector})
			refusal, ok := errors.AsType[*indexer.Refusal](err)
			if !ok || refusal.Reason != tc.reason || refusal.Field != tc.field {
				t.Errorf("%+v: error is %v, want %s of %s", tc.vector, err, tc.reason, tc.field)
				continue
			}
			if said = append(said, err.Error()); d.log.Size() != before {
				t.Errorf("%+v: a refused query was recorded as answered", tc.vector)
			}
		}
		if len(slices.Compact(said)) > 1 {
			t.Errorf("the documents there are make a difference: %q", said)
		}
	}
	a, err := (&retriever.Retriever{}).Retrieve(t.Context(), ada, retriever.Request{Vector: &retriever.Vector{Space: "brought/2", Values: []float32{1, 0}}})
	if refusal, ok := errors.AsType[*indexer.Refusal](err); !ok || refusal.Reason != "UNKNOWN_VECTOR_SPACE" {
		t.Errorf("without any configuration: %+v, %v", a, err)
	}
}

// That documents wait for their vectors is said exactly if one does that the caller may
// read and the filter keeps; and recorded.
func TestPendingEmbeddingIsNamed(t *testing.T) {
	d := newDesk(t)
	names := func(caller acl.Identity, f indexer.Filter) bool {
		t.Helper()
		a := d.ask(t, caller, retriever.Request{Query: "leave", Filter: f})
		record, _, err := d.log.Record(t.Context(), a.Entry.Index)
		must(t, err)
		named := slices.Contains(a.Degradations, retriever.PendingEmbedding)
		if recorded := slices.Contains(record.Retrieval.Degradations, "PENDING_EMBEDDING"); recorded != named || len(a.Degradations) > 1 {
			t.Errorf("the answer names %v, the record %v", a.Degradations, record.Retrieval.Degradations)
		}
		return named
	}
	check := func(when string, adaIs, malloryIs bool) {
		t.Helper()
		if got := names(ada, indexer.Filter{}); got != adaIs {
			t.Errorf("%s: ada is told: %t", when, got)
		}
		if got := names(mallory, indexer.Filter{}); got != malloryIs {
			t.Errorf("%s: mallory is told: %t", when, got)
		}
	}
	late := page("late.md", "Leave", "Parental leave, indigestible.", "user:local/ada")
	late.Document.Labels = map[string]string{"team": "north"}
	d.send(t, page("leave.md", "Leave", "Fourteen days of leave.", acl.Everyone))
	check("nothing waits", false, false)
	d.send(t, late)
	check("one of ada's waits", true, false)
	for _, tc := range []struct {
		filter indexer.Filter
		want   bool
	}{
		{indexer.Filter{Sources: []string{"handbook"}}, true}, {indexer.Filter{Sources: []string{"wiki"}}, false},
		{indexer.Filter{Labels: map[string]string{"team": "north"}}, true}, {indexer.Filter{Labels: map[string]string{"team": "south"}}, false},
	} {
		if got := names(ada, tc.filter); got != tc.want {
			t.Errorf("filtered by %+v, ada is told: %t", tc.filter, got)
		}
	}
	d.send(t, page("empty.md", "", "", acl.Everyone)) // has nothing to embed
	check("one is empty", true, false)
	d.send(t, catalog.PutAccess{Document: late.Document.DocumentID, Access: catalog.AccessPatch{Policy: readable(mallory.User)}})
	check("it is mallory's now", false, true)
	d.send(t, catalog.DeleteDocument{Document: late.Document.DocumentID, Version: 1})
	check("it is gone", false, false)
}
