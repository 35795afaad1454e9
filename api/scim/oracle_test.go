package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	oracle "github.com/scim2/filter-parser/v2"
	"pgregory.net/rapid"
)

// TestFiltersAgreeWithAnotherParser: random filters and paths of the RFC's grammar mean to
// this parser what they mean to one that others have written, and what is cut short is
// refused by both.
func TestFiltersAgreeWithAnotherParser(t *testing.T) {
	read, refused := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		s := someFilter(r, 3)
		cut := rapid.IntRange(0, 3).Draw(r, "cut") == 0
		if cut {
			s = s[:rapid.IntRange(0, len(s)-1).Draw(r, "length")]
		}
		got, err := parseFilter(s)
		want, wantErr := oracle.ParseFilter([]byte(s))
		if strings.TrimSpace(s) != s && (err == nil) != (wantErr == nil) {
			return // spaces at the ends are none of the grammar
		}
		if (err == nil) != (wantErr == nil) {
			r.Fatalf("%s: %v, the other parser %v", s, err, wantErr)
		}
		if err != nil {
			refused++
			return
		}
		read++
		if g, w := told(got), toldByOracle(want); g != w {
			r.Fatalf("%s:\n%s\n%s by the other parser", s, g, w)
		}
		where := "members[" + someElement(r) + "].value"
		p, err := parsePath(where)
		other, wantErr := oracle.ParsePath([]byte(where))
		if err != nil || wantErr != nil || told(*p.where) != toldByOracle(other.ValueExpression) || p.attr != "members" || p.sub != *other.SubAttribute {
			r.Fatalf("%s: %+v, %v, the other parser %+v, %v", where, p, err, other, wantErr)
		}
	})
	t.Logf("%d filters read by both, %d refused by both", read, refused)
	if read == 0 {
		t.Error("none was read")
	}
}

// someFilter draws a filter.
func someFilter(r *rapid.T, depth int) string {
	what := rapid.IntRange(0, 9).Draw(r, "what")
	if depth == 0 {
		what = min(what, 3)
	}
	switch {
	case what < 3:
		op := rapid.SampledFrom([]string{"eq", "Ne", "CO", "sw", "ew", "gt", "ge", "lt", "le"}).Draw(r, "op")
		return someAttribute(r) + " " + op + " " + rapid.SampledFrom([]string{`"x"`, `"with \"quotes\" ) and ] "`, `""`, "true", "false", "null", "7", "-2.5", `"é"`}).Draw(r, "value")
	case what == 3:
		return someAttribute(r) + " pr"
	case what < 6:
		op := rapid.SampledFrom([]string{" and ", " or ", " AND "}).Draw(r, "logic")
		return someFilter(r, depth-1) + op + someFilter(r, depth-1)
	case what == 6:
		return "(" + someFilter(r, depth-1) + ")"
	case what == 7:
		return "not (" + someFilter(r, depth-1) + ")"
	}
	return "emails[" + someElement(r) + "]"
}

// someElement draws a filter of elements, as simple as the other parser wants them.
func someElement(r *rapid.T) string {
	if rapid.Bool().Draw(r, "one") {
		return someFilter(r, 0)
	}
	return someFilter(r, 0) + rapid.SampledFrom([]string{" and ", " or "}).Draw(r, "logic") + someFilter(r, 0)
}

func someAttribute(r *rapid.T) string {
	return rapid.SampledFrom([]string{"userName", "name.familyName", "a-b_1", "android", "order", "notes", "pr", "meta.lastModified", userSchema + ":userName"}).Draw(r, "attribute")
}

// told writes a filter down, each operator with two sides.
func told(f filter) string {
	switch f.op {
	case "and", "or":
		s := told(f.parts[0])
		for _, p := range f.parts[1:] {
			s = "(" + s + " " + f.op + " " + told(p) + ")"
		}
		return s
	case "not":
		return "not " + told(f.parts[0])
	case "[]":
		return f.path + "[" + told(f.parts[0]) + "]"
	}
	return fmt.Sprintf("%s %s %v", f.path, f.op, f.value)
}

func toldByOracle(e oracle.Expression) string {
	switch e := e.(type) {
	case *oracle.LogicalExpression:
		return "(" + toldByOracle(e.Left) + " " + strings.ToLower(string(e.Operator)) + " " + toldByOracle(e.Right) + ")"
	case *oracle.NotExpression:
		return "not " + toldByOracle(e.Expression)
	case *oracle.ValuePath:
		return bare(strings.ToLower(e.AttributePath.String())) + "[" + toldByOracle(e.ValueFilter) + "]"
	case *oracle.AttributeExpression:
		value := e.CompareValue
		if s, ok := value.(string); ok { // which it leaves as it is written
			json.Unmarshal([]byte(`"`+s+`"`), &value)
		}
		return fmt.Sprintf("%s %s %v", bare(strings.ToLower(e.AttributePath.String())), strings.ToLower(string(e.Operator)), value)
	}
	return fmt.Sprintf("%T", e)
}
