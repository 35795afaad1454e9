package indexer_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// The documents of a view are those that the rule admits and the filter means, by id, whether
// they have passages or not.
func TestAdmittedIsTheRule(t *testing.T) {
	seen, bare := 0, 0
	for seed := range uint64(30) {
		g := newGenerator(seed)
		s, table := world(t, g, 60)
		blank := page("blank", 1, "")
		changes, to := s.commit(blank)
		table, _ = table.With(changes, to)
		folders := s.folders()
		for range 20 {
			view, f := s.view(g.caller(), g.instant()), g.filter()
			var want []catalog.DocumentID
			for _, c := range s.changes(0) {
				if c.Document == nil || c.Document.Document.State != catalog.Present {
					continue
				}
				if d := c.Document.Document; view.Admits(d.Governed(folders(d.Source))) && matches(f, d, folders(d.Source)) {
					want = append(want, d.DocumentID)
					if d.Rows.Count == 0 {
						bare++
					}
				}
			}
			slices.SortFunc(want, catalog.DocumentID.Compare)
			if diff := cmp.Diff(want, table.Admitted(view, f)); diff != "" {
				t.Fatalf("seed %d, filter %+v (- the rule, + the table):\n%s", seed, f, diff)
			}
			seen += len(want)
		}
		if got := table.Admitted(acl.View{}, indexer.Filter{}); len(got) != 0 {
			t.Fatalf("the zero view admits %v", got)
		}
	}
	if seen == 0 || bare == 0 {
		t.Errorf("%d documents were seen, %d without passages", seen, bare)
	}
}

// Of a document it is known which others have a verdict with it that says one is right, for as
// long as they do and are there.
func TestDisputesFollowVerdicts(t *testing.T) {
	s := newStore(t)
	a, b := catalog.DocumentID{Source: "handbook", ID: "a"}, catalog.DocumentID{Source: "handbook", ID: "b"}
	table := indexer.NewTable()
	verdict := func(n byte, v catalog.Verdict) catalog.Mutation {
		return catalog.SettleConflict{First: a, Settlement: catalog.Settlement{With: b, Sentences: [32]byte{n}, Verdict: v, By: "user:local/ada"}}
	}
	for _, step := range []struct {
		m    catalog.Mutation
		want []catalog.DocumentID
	}{
		{page("a", 1, "a"), nil},
		{verdict(1, catalog.BothRight), nil},
		{verdict(1, catalog.SecondIsRight), []catalog.DocumentID{a}},
		{verdict(2, catalog.FirstIsRight), []catalog.DocumentID{a}},
		{page("a", 2, "a, edited"), []catalog.DocumentID{a}},
		{verdict(1, catalog.Unsettled), []catalog.DocumentID{a}},
		{verdict(2, catalog.FirstIsDuplicate), nil},
		{verdict(2, catalog.FirstIsRight), []catalog.DocumentID{a}},
		{catalog.DeleteDocument{Document: a, Version: 3}, nil},
	} {
		changes, to := s.commit(step.m)
		table, _ = table.With(changes, to)
		whole, _ := indexer.NewTable().With(s.changes(0), to)
		for name, table := range map[string]*indexer.Table{"followed": table, "made at once": whole} {
			if got := table.Disputes(b); !slices.Equal(got, step.want) {
				t.Errorf("after %+v, %s: %v, want %v", step.m, name, got, step.want)
			}
			if got := table.Disputes(a); len(got) != 0 {
				t.Errorf("after %+v the first has %v", step.m, got)
			}
		}
	}
}
