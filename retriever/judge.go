package retriever

import (
	"fmt"
	"slices"
	"strings"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Evidence says how strongly the best passages speak to the query.
type Evidence uint8

// The strengths of evidence, by the share of the query's words, weighted by their rarity
// in the view, that the passage which holds most of them holds.
const (
	None     Evidence = 1 + iota // nothing was found
	Weak                         // less than 40 %
	Moderate                     // less than 75 %
	Strong
)

func evidence(results []Result) Evidence {
	if len(results) == 0 {
		return None
	}
	best := 0.0
	for _, r := range results[:min(3, len(results))] {
		best = max(best, r.Coverage)
	}
	switch {
	case best >= 0.75:
		return Strong
	case best >= 0.4:
		return Moderate
	default:
		return Weak
	}
}

// Conflict is a contradiction between two results, named by their places.
type Conflict struct {
	freshness.Conflict
	// Superseded says that one side declares to replace the other; there are no values
	// then.
	Superseded bool
}

// Conflicts compares the passages with each other and nothing else, and keeps to what stewards
// have said of the conflicts between them. Spans are of the documents' texts.
func Conflicts(results []Result) []Conflict {
	sources := make([]freshness.Source, len(results))
	for i, r := range results {
		s := r.Document.Compared()
		s.Section, s.Statements = strings.Join(r.Passage.Headings, "\x00"), r.Passage.Statements
		s.Superseded = r.Finding.State == freshness.Superseded
		sources[i] = s
	}
	var list []Conflict
	for _, c := range settle(freshness.Conflicts(sources), results, sources) {
		a, b := results[c.A].Passage, results[c.B].Passage
		c.SpanA, c.ValueSpanA = within(a, c.SpanA), within(a, c.ValueSpanA)
		c.SpanB, c.ValueSpanB = within(b, c.SpanB), within(b, c.ValueSpanB)
		list = append(list, Conflict{Conflict: c})
	}
	return append(list, superseded(results)...)
}

// within is where a span of a passage stands in the document: nowhere, the zero Span, if
// the sender's passage does not stand in the sender's text.
func within(p catalog.Passage, s freshness.Span) freshness.Span {
	return freshness.Origin(p.Span, p.Runs, s)
}

const byItself = "it declares to replace the other"

// declares says by what it is declared that one document replaces another, "" if it is not.
func declares(newer, older *catalog.Document) string {
	switch {
	case newer.Source == older.Source && slices.Contains(newer.Supersedes, older.DocumentID):
		return byItself
	case slices.Contains(older.SupersededBy, newer.DocumentID),
		newer.URI != "" && slices.Contains(older.SupersededBy, catalog.DocumentID{ID: newer.URI}):
		return "the other declares to be replaced by it"
	}
	return ""
}

// superseded lists each pair of returned documents of which one replaces the other, once, at
// the first passage of each.
func superseded(results []Result) []Conflict {
	first := map[catalog.DocumentID]int{}
	for i := range results {
		if _, known := first[results[i].Document.DocumentID]; !known {
			first[results[i].Document.DocumentID] = i
		}
	}
	var list []Conflict
	for i := range results {
		newer := &results[i].Document
		if first[newer.DocumentID] != i {
			continue
		}
		var replaced []int
		for j := range results {
			if older := &results[j].Document; first[older.DocumentID] == j && j != i && declares(newer, older) != "" {
				replaced = append(replaced, j)
			}
		}
		for _, j := range replaced {
			older := &results[j].Document
			c := freshness.Conflict{A: i, B: j, Confidence: 1, Preferred: 1}
			c.PreferredReason = declares(newer, older)
			c.Explanation = fmt.Sprintf("%q declares to replace %q", newer.Title, older.Title)
			if c.PreferredReason != byItself {
				c.Explanation = fmt.Sprintf("%q declares to be replaced by %q", older.Title, newer.Title)
			}
			list = append(list, Conflict{c, true})
		}
	}
	return list
}
