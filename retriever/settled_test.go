package retriever_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/retriever"
)

// What a steward says of a conflict decides whether it is told and which side is preferred, whoever
// was found first, and only while the sentences stand.
func TestSettledConflicts(t *testing.T) {
	a, b := leave("a.md", "14 days", acl.Everyone), leave("b.md", "30 days", acl.Everyone)
	first, second := a.Document.DocumentID, b.Document.DocumentID
	for name, c := range map[string]struct {
		verdict   catalog.Verdict
		preferred string // the document; "" = neither
		reason    string
		told      bool
	}{
		"nothing":              {catalog.Unsettled, "", "", true},
		"the first is right":   {catalog.FirstIsRight, "a.md", "a steward has confirmed it", true},
		"the second is right":  {catalog.SecondIsRight, "b.md", "a steward has confirmed it", true},
		"both are right":       {catalog.BothRight, "", "", false},
		"no conflict":          {catalog.NoConflict, "", "", false},
		"the first is a copy":  {catalog.FirstIsDuplicate, "b.md", "a steward has called the other a duplicate", true},
		"the second is a copy": {catalog.SecondIsDuplicate, "a.md", "a steward has called the other a duplicate", true},
	} {
		d := newDesk(t)
		d.send(t, a, b)
		found := d.ask(t, ada, retriever.Request{Query: "parental leave days"})
		if len(found.Conflicts) != 1 {
			t.Fatalf("%d conflicts, want 1", len(found.Conflicts))
		}
		verdict := catalog.Settlement{With: second, Sentences: found.Conflicts[0].Sentences, Verdict: c.verdict, By: "user:local/ben"}
		d.send(t, catalog.SettleConflict{First: first, Settlement: verdict})
		answer := d.ask(t, ada, retriever.Request{Query: "parental leave days"})
		if got := len(answer.Conflicts) == 1; got != c.told {
			t.Errorf("%s: told: %t", name, got)
			continue
		} else if got {
			told := answer.Conflicts[0]
			sides := []string{"", answer.Results[told.A].Document.ID, answer.Results[told.B].Document.ID}
			if sides[told.Preferred] != c.preferred || told.PreferredReason != c.reason || c.reason == "a steward has confirmed it" && told.Confidence != 1 {
				t.Errorf("%s: %+v", name, told)
			}
		}
		edited := a
		edited.Document.Version, edited.Text = 2, strings.Replace(a.Text, "14 days", "15 days", 1)
		d.send(t, edited)
		if again := d.ask(t, ada, retriever.Request{Query: "parental leave days"}); len(again.Conflicts) != 1 || again.Conflicts[0].PreferredReason != "" {
			t.Errorf("%s: after an edit: %+v", name, again.Conflicts)
		}
	}
}

// A verdict on a conflict with a document that the caller may not read tells them nothing.
func TestHiddenSideOfAVerdict(t *testing.T) {
	a, b := leave("a.md", "14 days", acl.Everyone), leave("b.md", "30 days", "user:local/ada")
	with, without := newDesk(t), newDesk(t)
	with.send(t, a, b)
	without.send(t, a)
	c := with.ask(t, ada, retriever.Request{Query: "parental leave days"}).Conflicts[0]
	with.send(t, catalog.SettleConflict{First: a.Document.DocumentID, Settlement: catalog.Settlement{
		With: b.Document.DocumentID, Sentences: c.Sentences, Verdict: catalog.SecondIsRight, By: "user:local/ada",
	}})
	req := retriever.Request{Query: "parental leave days"}
	want, got := show(without.ask(t, mallory, req)), show(with.ask(t, mallory, req))
	for i := range got.Results { // no caller is sent them
		got.Results[i].Document.Settlements = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a verdict shows (- without it, + with it):\n%s", diff)
	}
}

// A conflict of independent documents is told once a steward has confirmed it.
func TestConfirmedConflictOfIndependentDocuments(t *testing.T) {
	one := page("one.md", "Handbook", "Welcome aboard, all of you. Staff may take 14 days of parental leave after approval by the manager. The canteen opens at noon.", acl.Everyone)
	two := page("two.md", "Rules", "These rules are those of the company since the merger of the two lines. Staff may take 30 days of parental leave after approval by the manager.", acl.Everyone)
	d := newDesk(t)
	d.send(t, one, two)
	req := retriever.Request{Query: "parental leave days"}
	a := d.ask(t, ada, req)
	if len(a.Results) != 2 || len(a.Conflicts) != 0 {
		t.Fatalf("%d results and conflicts %+v, want two and none", len(a.Results), a.Conflicts)
	}
	var of [2]freshness.Source
	for i, id := range []string{"one.md", "two.md"} {
		for _, r := range a.Results {
			if r.Document.ID == id {
				of[i] = freshness.Source{Key: id, Signature: r.Document.Signature, Statements: r.Passage.Statements}
			}
		}
	}
	found := freshness.Between(of[:1], of[1:])
	if len(found) != 1 {
		t.Fatalf("%d conflicts between the two, want 1", len(found))
	}
	d.send(t, catalog.SettleConflict{First: one.Document.DocumentID, Settlement: catalog.Settlement{
		With: two.Document.DocumentID, Sentences: found[0].Sentences, Verdict: catalog.SecondIsRight, By: "user:local/ben",
	}})
	a = d.ask(t, ada, req)
	if len(a.Conflicts) != 1 || a.Conflicts[0].Confidence != 1 || a.Conflicts[0].A >= a.Conflicts[0].B {
		t.Fatalf("conflicts %+v", a.Conflicts)
	}
	c := a.Conflicts[0]
	right := []int{c.A, c.B}[c.Preferred-1]
	if a.Results[right].Document.ID != "two.md" || cut(t, d, a.Results[right], []freshness.Span{c.ValueSpanA, c.ValueSpanB}[c.Preferred-1]) != "30 days" {
		t.Errorf("the conflict %+v", c)
	}
}
