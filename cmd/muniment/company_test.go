package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// companyQuestion is an entry of the questions file with all that the company's README says
// of it; the demo makes do with less.
type companyQuestion struct {
	question
	Guest         bool
	Quote         string    // of the answer, whatever stands between its words
	Never         []string  // in no passage
	State         string    // of the answer
	ConflictsWith []demoRef `json:"conflicts_with"` // copies of the answer that state other values
	AgreesWith    []demoRef `json:"agrees_with"`    // copies of the answer that state the same in other words
}

func (q companyQuestion) copies() []demoRef { return slices.Concat(q.ConflictsWith, q.AgreesWith) }

// TestCompanyQuestions puts every question of the company to a server that holds all of it,
// and demands what the questions file says: the document that alone can answer comes first,
// what the asker may not read does not come, and of the copies those that differ are said to
// contradict each other, and no others.
func TestCompanyQuestions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testdata, "company-questions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var questions []companyQuestion
	if err := json.Unmarshal(text, &questions); err != nil {
		t.Fatal(err)
	}
	items := company(t)
	differing := map[demoRef][]demoRef{}
	for _, item := range items {
		for _, old := range item.GetDocument().GetSupersedes() {
			newer := demoRef{item.GetDocument().GetSource(), item.GetDocument().GetId()}
			differing[newer] = append(differing[newer], refOf(old))
			differing[refOf(old)] = append(differing[refOf(old)], newer)
		}
	}
	for _, q := range questions {
		for _, other := range q.ConflictsWith {
			differing[*q.Answer] = append(differing[*q.Answer], other)
			differing[other] = append(differing[other], *q.Answer)
		}
	}
	s := startServer(t, t.TempDir())
	s.mustSend(items...)
	for _, q := range questions {
		t.Run(strings.TrimPrefix(string(q.As), "user:local/")+": "+q.Question, func(t *testing.T) {
			ctx := s.as(identity.Request{Subject: q.As, Clearance: q.Clearance, Guest: q.Guest})
			resp, err := s.retrieval().Retrieve(ctx, &pb.RetrieveRequest{Query: q.Question, Limit: 10, Filter: &pb.Filter{States: q.states()}})
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range q.wrong(resp, differing) {
				t.Error(bad)
			}
		})
	}
}

// states are those to ask for: all, if the answer is in one that has to be asked for.
func (q companyQuestion) states() (list []pb.Freshness_State) {
	if q.State != "OUTDATED" && q.State != "NOT_YET_VALID" {
		return nil
	}
	for n := range len(pb.Freshness_State_name) - 1 {
		list = append(list, pb.Freshness_State(n+1))
	}
	return list
}

// wrong lists what is not as the question says.
func (q companyQuestion) wrong(resp *pb.RetrieveResponse, differing map[demoRef][]demoRef) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	returned := map[demoRef]bool{}
	var order []demoRef
	quoted, all := "", ""
	for i, r := range resp.GetResults() {
		ref := refOf(r.GetDocument())
		returned[ref] = true
		order = append(order, ref)
		all += " " + wordsOf(r.GetTitle()+" "+strings.Join(r.GetHeadings(), " ")+" "+r.GetText())
		if slices.Contains(q.MustNot, ref) {
			say("result %d is %v, which must not come back", i+1, ref)
		}
		if q.Answer == nil || ref != *q.Answer {
			continue
		}
		quoted += " " + wordsOf(r.GetText())
		if state := strings.TrimPrefix(r.GetFreshness().GetState().String(), "STATE_"); q.State != "" && state != q.State {
			say("%v is %s, want %s", ref, state, q.State)
		}
	}
	for _, text := range q.Never {
		if strings.Contains(all, wordsOf(text)) {
			say("the answer says %q", text)
		}
	}
	contradict := map[demoRef]bool{} // what contradicts the answer
	for _, c := range resp.GetConflicts() {
		a, b := refOf(c.GetA().GetDocument()), refOf(c.GetB().GetDocument())
		if c.GetKind() == pb.Conflict_KIND_VALUE && !slices.Contains(differing[a], b) {
			say("%v and %v are said to contradict each other: %s", a, b, c.GetExplanation())
		}
		if c.GetKind() == pb.Conflict_KIND_VALUE && q.Answer != nil && a == *q.Answer {
			contradict[b] = true
		} else if c.GetKind() == pb.Conflict_KIND_VALUE && q.Answer != nil && b == *q.Answer {
			contradict[a] = true
		}
	}
	if q.Answer == nil {
		return list
	}
	if len(order) == 0 || order[0] != *q.Answer && !slices.Contains(q.copies(), order[0]) {
		say("%v should come first, and the results are of %v", *q.Answer, order)
	}
	if !strings.Contains(quoted, wordsOf(q.Quote)) {
		say("no passage of %v says %q", *q.Answer, q.Quote)
	}
	for _, other := range q.copies() {
		if !returned[other] {
			say("%v, a copy, did not come back", other)
		}
		if want := slices.Contains(q.ConflictsWith, other); contradict[other] != want {
			say("said to contradict %v: %t, want %t", other, !want, want)
		}
	}
	return list
}

func refOf(d *pb.DocumentRef) demoRef { return demoRef{d.GetSource(), d.GetId()} }

// wordsOf is the text without anything but its words, so that a quotation is found in whatever
// form a table or a list is returned.
func wordsOf(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}
