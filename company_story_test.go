package muniment_test

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/muniment/muniment/freshness"
)

func loadQuestions(t *testing.T) (list []question) {
	t.Helper()
	data, err := os.ReadFile("testdata/company-questions.json")
	if err != nil {
		t.Fatal(err)
	}
	strict(t, data, &list)
	return list
}

func TestQuestions(t *testing.T) {
	c := load(t)
	hidden := 0
	asked := map[string]bool{}
	for i, q := range loadQuestions(t) {
		if q.Demo != (i < 6) {
			t.Errorf("question %d: demo is %t; the first six are the demo's", i, q.Demo)
		}
		if q.Question == "" || q.Note == "" || !strings.HasPrefix(q.As, "user:") || !principal.MatchString(q.As) {
			t.Errorf("question %d: question, note or the person who asks is missing", i)
		}
		if once := fmt.Sprint(q.Question, q.As, q.Clearance, q.Guest); asked[once] {
			t.Errorf("question %d: the same person asks %q twice", i, q.Question)
		} else {
			asked[once] = true
		}
		mentioned := slices.Concat(q.MustNot, q.ConflictsWith, q.AgreesWith)
		if q.Answer != nil {
			mentioned = append(mentioned, *q.Answer)
		} else if len(q.MustNot) == 0 || q.Quote != "" || q.State != "" || len(q.ConflictsWith)+len(q.AgreesWith) > 0 {
			t.Errorf("question %d: neither an answer nor what hides it, or something about an answer that is not there", i)
		} else {
			hidden++
		}
		for _, id := range mentioned {
			if _, ok := c.documents[id]; !ok {
				t.Errorf("question %d: no document %v", i, id)
			}
		}
		for _, text := range q.Never {
			if !c.hides(text) {
				t.Errorf("question %d: no document hides %q", i, text)
			}
		}
	}
	if hidden < 40 {
		t.Errorf("%d questions that only hidden documents answer, want at least 40", hidden)
	}
}

// hides reports whether a document says the text where people do not read it.
func (c *company) hides(text string) bool {
	for _, d := range c.documents {
		if (strings.HasSuffix(d.ID, ".html") || strings.Contains(d.Text, "<!--")) && strings.Contains(d.Text, text) {
			return true
		}
	}
	return false
}

// TestEveryDocumentAnswersAlone: each document has a question that quotes it, and nothing
// else that the asker may read says the same in the same words. Which of the others the
// asker may read is what the test over the wire finds out; here it is enough that they are
// in must_not.
func TestEveryDocumentAnswersAlone(t *testing.T) {
	c := load(t)
	answered := map[ref]bool{}
	for _, q := range loadQuestions(t) {
		if q.Quote == "" {
			continue
		}
		answered[*q.Answer] = true
		for id, d := range c.documents {
			says := strings.Contains(wordsOf(visible(d)), wordsOf(q.Quote))
			if id == *q.Answer && !says {
				t.Errorf("%v does not say %q", id, q.Quote)
			} else if id != *q.Answer && says && !slices.Contains(q.MustNot, id) {
				t.Errorf("%q: %v says %q as well as %v", q.Question, id, q.Quote, *q.Answer)
			}
		}
	}
	for id := range c.documents {
		if !answered[id] {
			t.Errorf("%v alone answers no question", id)
		}
	}
}

var (
	tag     = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	invalid = regexp.MustCompile(`(?s)<(style|script|title)\b.*?</(style|script|title)>`)
)

// visible is roughly what a reader of the document sees, hidden elements included.
func visible(d document) string {
	if !strings.HasSuffix(d.ID, ".html") {
		return d.Text
	}
	return html.UnescapeString(tag.ReplaceAllString(invalid.ReplaceAllString(d.Text, " "), " "))
}

// wordsOf is the text without anything but its words.
func wordsOf(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return " " + strings.Join(words, " ") + " "
}

// TestStatesHold derives the expected states from the documents' dates, for the month after
// the newest of them and for the end of 2030: no answer of the company changes by itself
// before.
func TestStatesHold(t *testing.T) {
	c := load(t)
	for _, q := range loadQuestions(t) {
		if q.State == "" {
			continue
		}
		for _, at := range []time.Time{date(2026, 11, 15), date(2030, 12, 31)} {
			if got := c.state(t, q, at); got != q.State {
				t.Errorf("%q: %v is %s on %s, and %s is expected", q.Question, *q.Answer, got, at.Format(time.DateOnly), q.State)
			}
		}
	}
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func (c *company) state(t *testing.T, q question, at time.Time) string {
	t.Helper()
	d := c.documents[*q.Answer]
	for id, newer := range c.documents {
		if slices.Contains(newer.Supersedes, *q.Answer) && !slices.Contains(q.MustNot, id) {
			return "SUPERSEDED"
		}
	}
	if !d.ValidUntil.IsZero() && at.After(d.ValidUntil) {
		return "OUTDATED"
	}
	if at.Before(d.ValidFrom) {
		return "NOT_YET_VALID"
	}
	if d.ReviewInterval == "" {
		return "UNKNOWN"
	}
	interval, err := time.ParseDuration(d.ReviewInterval)
	if err != nil {
		t.Fatal(err)
	}
	from := d.Modified
	if d.Verified != nil {
		from = d.Verified.At
	}
	if at.Before(from.Add(interval)) {
		return "FRESH"
	}
	if at.Before(from.Add(interval + interval/2)) {
		return "DUE"
	}
	return "STALE"
}

// TestCopies: the pairs of the README are those of the questions, there are enough of them,
// and they are alike, so that not being flagged says something.
func TestCopies(t *testing.T) {
	c := load(t)
	said := map[string]bool{}
	for _, row := range readmeRows(t, "copy") {
		said[code(row[0])+" and "+code(row[1])+" "+row[2]] = true
	}
	asked, agree, differ := map[string]bool{}, 0, 0
	add := func(q question, other ref, how string, n *int) {
		pair := q.Answer.Source + "/" + q.Answer.ID + " and " + other.Source + "/" + other.ID + " " + how
		if !asked[pair] {
			*n++
		}
		asked[pair] = true
		a, b := c.documents[*q.Answer], c.documents[other]
		if alike := freshness.Sign(visible(a)).Similarity(freshness.Sign(visible(b))); a.URI != b.URI && alike < 0.5 {
			t.Errorf("%s: %.2f alike, which makes no copies", pair, alike)
		}
		if !said[pair] {
			t.Errorf("the README does not list the copies %s", pair)
		}
	}
	for _, q := range loadQuestions(t) {
		for _, other := range q.AgreesWith {
			add(q, other, "agree", &agree)
		}
		for _, other := range q.ConflictsWith {
			add(q, other, "differ", &differ)
		}
	}
	if len(said) != len(asked) {
		t.Errorf("the README lists %d pairs of copies, and the questions %d", len(said), len(asked))
	}
	if agree < 3 || differ < 4 {
		t.Errorf("%d pairs agree and %d differ, want at least 3 and 4", agree, differ)
	}
}

// TestLegalHold: a hold is a label on documents that tests and people can find.
func TestLegalHold(t *testing.T) {
	c := load(t)
	var held, said []string
	for id, d := range c.documents {
		if matter := d.Labels["legal_hold"]; matter != "" {
			held = append(held, id.Source+"/"+id.ID+" "+d.RetentionClass)
			if !bytes.Contains(readme(t), []byte(strings.Replace(matter, "matter-", "Matter ", 1))) {
				t.Errorf("the README does not mention %s", matter)
			}
		}
	}
	for _, row := range readmeRows(t, "on hold") {
		said = append(said, code(row[0])+" "+row[1])
	}
	slices.Sort(held)
	slices.Sort(said)
	if len(held) < 3 || !slices.Equal(held, said) {
		t.Errorf("on hold are %v, and the README says %v", held, said)
	}
}
