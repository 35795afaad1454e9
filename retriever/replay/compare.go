package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// compare says what differs. Fields are compared as they are recorded, whichever there are,
// so that none can be forgotten; numbers are written so that they differ if a bit does.
func compare(recorded, replayed *audit.Retrieval) (o Outcome, err error) {
	was, is := recorded.Sources, replayed.Sources
	for i := range max(len(was), len(is)) {
		var r Rank
		if i < len(was) {
			r.Recorded = &was[i]
		}
		if i < len(is) {
			r.Replayed = &is[i]
		}
		if r.Recorded != nil && r.Replayed != nil {
			if r.Fields, err = differing(r.Recorded, r.Replayed); err != nil {
				return o, err
			}
		}
		o.Ranks = append(o.Ranks, r)
	}
	a, b := *recorded, *replayed
	a.Sources, b.Sources = nil, nil
	o.Fields, err = differing(a, b)
	return o, err
}

// differing names the fields of two values that are encoded differently, in order.
func differing(a, b any) (names []string, err error) {
	fieldsA, err := fields(a)
	if err != nil {
		return nil, err
	}
	fieldsB, err := fields(b)
	if err != nil {
		return nil, err
	}
	for name, value := range fieldsA {
		if !bytes.Equal(value, fieldsB[name]) {
			names = append(names, name)
		}
		delete(fieldsB, name)
	}
	names = slices.AppendSeq(names, maps.Keys(fieldsB))
	slices.Sort(names)
	return names, nil
}

func fields(v any) (m map[string]json.RawMessage, err error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(body, &m)
}

// reveal fills in titles and texts of what the auditor may read now and, if it was edited
// since, could have read in that version: what was taken out may have been why it was opened.
func reveal(ctx context.Context, now *indexer.State, past catalog.Snapshot, auditor acl.View, results []retriever.Result, ranks []Rank) error {
	for i, r := range results {
		id := []catalog.DocumentID{r.Document.DocumentID}
		current, err := now.Documents(ctx, auditor, id)
		if err != nil {
			return err
		}
		if len(current) == 0 {
			continue
		}
		if current[0].Version != r.Document.Version || current[0].ContentHash != r.Document.ContentHash {
			if before, err := past.Documents(ctx, auditor, id); err != nil {
				return err
			} else if len(before) == 0 {
				continue
			}
		}
		ranks[i].Title, ranks[i].Text = r.Document.Title, r.Passage.Text
	}
	return nil
}
