package indexer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// CON-03: what readers do not see is in no passage and no title, whoever made the passages, and is counted;
// the text is kept as it was sent.
func TestHiddenTextIsCountedAndNotIndexed(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	type want struct {
		Text   string
		Span   freshness.Span
		Hidden int
	}
	for _, tc := range []struct {
		mime, text string
		passage    string // supplied, "" = none
		want       want
	}{
		{"text/html; charset=UTF-8", "<p>28&nbsp;days<i hidden>no</i>", "", want{"28\u00a0days", freshness.Span{Start: 3, End: 15}, 2}},
		{"text/markdown", "a <!--no--> b\u200bc", "", want{"a  bc", freshness.Span{Start: 0, End: 15}, 3}},
		{"text/plain", "a\u200bb and more", "a\u200bb", want{"ab", freshness.Span{Start: 0, End: 3}, 1}},
		{"text/plain", "a", "b\u200bc", want{"bc", freshness.Span{}, 1}},
	} {
		prepared, err := x.Prepare(t.Context(), changed(func(m *catalog.PutDocument) {
			m.Document.MIME, m.Document.Title, m.Text, m.Passages = tc.mime, "Le\u200bave", tc.text, nil
			if tc.passage != "" {
				m.Passages = []catalog.Passage{{Text: tc.passage}}
			}
		}))
		if err != nil {
			t.Errorf("%s: %v", tc.mime, err)
			continue
		}
		m := prepared.(catalog.PutDocument)
		if m.Document.Title != "Leave" || m.Text != tc.text || len(m.Passages) != 1 {
			t.Errorf("%q is prepared as %+v", tc.text, m)
			continue
		}
		tc.want.Hidden++ // of the title
		got := want{m.Passages[0].Text, m.Passages[0].Span, m.Document.Hidden}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.text, diff)
		}
	}
}
