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

// policyText is a page whose rule stands in the second section, behind characters of more
// than one byte.
func policyText(days string) string {
	return "Grüße aus München: 東京。\n\n# Parental leave\n\n" + strings.Replace(leaveRules, "%s", days, 1) + "\n\n# Sick leave\n\nCall the office.\n"
}

// cut is what a span of the document's text says.
func cut(t *testing.T, d *desk, r retriever.Result, s freshness.Span) string {
	t.Helper()
	doc, err := d.Document(t.Context(), ada, r.Document.DocumentID, retriever.Request{ID: "request"})
	must(t, err)
	runes := []rune(doc.Text)
	if s.Start < 0 || s.End > len(runes) || s.Start > s.End {
		t.Fatalf("span %v of a text of %d", s, len(runes))
	}
	return string(runes[s.Start:s.End])
}

// The spans of results and conflicts are of the document's text, in code points.
func TestSpansCutOutWhatTheySay(t *testing.T) {
	d := newDesk(t)
	north, south := page("north.md", "Leave", policyText("14 days"), acl.Everyone), page("south.md", "Leave", policyText("30 days"), acl.Everyone)
	north.Document.URI, south.Document.URI = "https://pages.example/leave", "https://pages.example/leave"
	d.send(t, north, south)
	a := d.ask(t, ada, retriever.Request{Query: "parental leave days"})
	for _, r := range a.Results {
		if got := cut(t, d, r, r.Passage.Span); got != r.Passage.Text {
			t.Errorf("the span of %v says %q, its text is %q", r.Passage.ID, got, r.Passage.Text)
		}
	}
	if len(a.Conflicts) != 1 {
		t.Fatalf("%d conflicts, want 1: %+v", len(a.Conflicts), a.Conflicts)
	}
	c := a.Conflicts[0]
	values := map[string]string{
		a.Results[c.A].Document.ID: cut(t, d, a.Results[c.A], c.ValueSpanA),
		a.Results[c.B].Document.ID: cut(t, d, a.Results[c.B], c.ValueSpanB),
	}
	if diff := cmp.Diff(map[string]string{"north.md": "14 days", "south.md": "30 days"}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for side, s := range map[int]freshness.Span{c.A: c.SpanA, c.B: c.SpanB} {
		if got := cut(t, d, a.Results[side], s); !strings.HasPrefix(got, "Staff may take ") || !strings.HasSuffix(got, "manager.") {
			t.Errorf("the sentence of %s is %q", a.Results[side].Document.ID, got)
		}
	}
}

// A passage that its sender made and that is not in the text has no place there, so a
// conflict names none.
func TestNoSpansOfWhatIsNotInTheText(t *testing.T) {
	d := newDesk(t)
	made := func(id, days string) catalog.PutDocument {
		p := page(id, "Leave", "Something else altogether stands in the text of this page, and it is long enough for any span.", acl.Everyone)
		p.Document.URI = "https://pages.example/leave"
		p.Passages = []catalog.Passage{{Text: strings.Replace(leaveRules, "%s", days, 1)}}
		return p
	}
	d.send(t, made("north.md", "14 days"), made("south.md", "30 days"))
	a := d.ask(t, ada, retriever.Request{Query: "parental leave days"})
	if len(a.Conflicts) != 1 {
		t.Fatalf("%d conflicts, want 1", len(a.Conflicts))
	}
	c := a.Conflicts[0]
	for name, s := range map[string]freshness.Span{"a": c.SpanA, "b": c.SpanB, "value a": c.ValueSpanA, "value b": c.ValueSpanB} {
		if s != (freshness.Span{}) {
			t.Errorf("span %s is %v, where the text has other words", name, s)
		}
	}
}

// A declared replacement is told once, whatever the number of passages, and points from
// the new to the old.
func TestSupersessionIsOneConflict(t *testing.T) {
	d := newDesk(t)
	old, successor := chapters("old.md", 3), chapters("new.md", 3)
	successor.Document.Supersedes = []catalog.DocumentID{{Source: "handbook", ID: "old.md"}, {Source: "handbook", ID: "unknown.md"}}
	d.send(t, old, successor)
	a := d.ask(t, ada, retriever.Request{Query: "ferry pier chapter"})
	if len(a.Results) != 4 {
		t.Fatalf("%d results, want two of each document", len(a.Results))
	}
	var declared []retriever.Conflict
	for _, c := range a.Conflicts {
		if c.Superseded {
			declared = append(declared, c)
		}
	}
	if len(declared) != 1 {
		t.Fatalf("%d declarations, want 1: %+v", len(declared), a.Conflicts)
	}
	c := declared[0]
	if a.Results[c.A].Document.ID != "new.md" || a.Results[c.B].Document.ID != "old.md" || c.Preferred != 1 {
		t.Errorf("%s replaces %s, preferred %d", a.Results[c.A].Document.ID, a.Results[c.B].Document.ID, c.Preferred)
	}
}
