package audit_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/audit"
)

// shownRecord is the record of a retrieval that returned the sources, in their order.
func shownRecord(id string, sources ...audit.Source) audit.Record {
	for i := range sources {
		sources[i].Rank = i + 1
	}
	return audit.Record{ID: id, Kind: audit.KindRetrieve, Retrieval: &audit.Retrieval{Sources: sources}}
}

// TestResolve tells the rules one by one.
func TestResolve(t *testing.T) {
	source := func(id string, version int64, ordinal int, uri string) audit.Source {
		return audit.Source{Source: "wiki", ID: id, Version: version, Ordinal: ordinal, URI: uri}
	}
	shown := audit.NewShown([]audit.Record{
		shownRecord("first", source("a", 1, 0, "u:a"), source("a", 1, 1, "u:a"), source("b", 1, 0, "u:b"), source("shared1", 1, 0, "u:shared"), source("liar", 1, 0, "wiki/b@1#0")),
		shownRecord("second", source("a", 1, 0, "u:a"), source("shared2", 1, 0, "u:shared"), source("new", 1, 0, "u:new"), source("new", 2, 0, "u:new"), source("plain", 1, 0, "")),
	})
	for _, c := range []struct {
		why, reference string
		index          int
		want           string // retrieval and rank, "*" behind it for the document alone; "" = unresolved
	}{
		{"a citation id", "wiki/b@1#0", -1, "first 3"},
		{"a citation id that two retrievals returned", "wiki/a@1#0", -1, "first 1"},
		{"the same, by the place of the second", "wiki/a@1#0", 5, "second 1"},
		{"a citation id with the place of another passage", "wiki/b@1#0", 0, "first 3"},
		{"a uri that is somebody else's citation id", "wiki/b@1#0", 4, "first 3"},
		{"a uri of one passage", "u:b", -1, "first 3"},
		{"a uri of two passages", "u:a", -1, "first 1*"},
		{"a uri of two passages, by place", "u:a", 1, "first 2"},
		{"a uri of two passages, by the place of another document", "u:a", 2, "first 1*"},
		{"a uri and a place behind the last", "u:a", 99, "first 1*"},
		{"a uri of two documents", "u:shared", -1, ""},
		{"a uri of two documents, by place", "u:shared", 6, "second 2"},
		{"a uri of two versions", "u:new", -1, ""},
		{"a version that was not shown", "wiki/b@2#0", -1, ""},
		{"a passage that was not shown", "wiki/b@1#1", 2, ""},
		{"a document by its name", "wiki/b", 2, ""},
		{"nothing, where a passage has no uri", "", 9, ""},
	} {
		given := audit.Citation{Form: "url_citation", Reference: c.reference, Start: 3, End: 5}
		got := shown.Resolve(given, c.index)
		if c.want == "" {
			if got != given {
				t.Errorf("%s: resolved to %+v", c.why, got)
			}
			continue
		}
		where := fmt.Sprintf("%s %d", got.Retrieval, got.Rank)
		if got.Document {
			where += "*"
		}
		if where != c.want || got.Reference != "" || got.Start != 3 || got.ID == "" {
			t.Errorf("%s: %+v, want %s", c.why, got, c.want)
		}
	}
}

// TestResolveStaysWithin: whatever is cited, it is resolved to a passage that was shown and that
// is called so, or not at all; and a citation id that was shown always is.
func TestResolveStaysWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"a", "b", "a/b", "wiki/a@1#0", "ü", ""})
		var records []audit.Record
		called := map[string]map[string]bool{} // by place, what it may be called
		var citations []string
		for r := range rapid.IntRange(0, 3).Draw(t, "retrievals") {
			var sources []audit.Source
			for range rapid.IntRange(0, 4).Draw(t, "passages") {
				sources = append(sources, audit.Source{
					Source: "wiki", ID: name.Draw(t, "id"), Version: int64(rapid.IntRange(1, 2).Draw(t, "version")),
					Ordinal: rapid.IntRange(0, 2).Draw(t, "ordinal"), URI: name.Draw(t, "uri"),
				})
			}
			record := shownRecord(fmt.Sprint("r", r), sources...)
			records = append(records, record)
			for _, s := range sources {
				called[fmt.Sprint(record.ID, s.Rank)] = map[string]bool{s.Citation(): true, s.URI: s.URI != ""}
				citations = append(citations, s.Citation())
			}
		}
		references := append(citations, "a", "b", "wiki/a@1#0", "wiki/a@3#0", "nothing", "")
		reference := rapid.SampledFrom(references).Draw(t, "reference")
		got := audit.NewShown(records).Resolve(audit.Citation{Reference: reference}, rapid.IntRange(-1, 13).Draw(t, "index"))
		if got.Resolved() && !called[fmt.Sprint(got.Retrieval, got.Rank)][reference] {
			t.Fatalf("%q was resolved to %+v", reference, got)
		}
		for _, c := range citations {
			if c == reference && (!got.Resolved() || got.Document) {
				t.Fatalf("%q was shown, and not resolved: %+v", reference, got)
			}
		}
	})
}
