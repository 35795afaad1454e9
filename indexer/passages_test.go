package indexer_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/catalog"
)

// Supplied passages are found in the text, in order and in code points, and vectors are
// brought to unit length; without passages the server makes both.
func TestSuppliedPassages(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	prepare := func(m catalog.PutDocument) catalog.PutDocument {
		t.Helper()
		got, err := x.Prepare(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		return got.(catalog.PutDocument)
	}
	type span [2]int
	spans := func(m catalog.PutDocument) (list []span) {
		for _, p := range m.Passages {
			list = append(list, span{p.Span.Start, p.Span.End})
		}
		return list
	}
	of := func(texts ...string) func(m *catalog.PutDocument) {
		return func(m *catalog.PutDocument) {
			m.Text = "日本 one. Two. 日本 one."
			for _, text := range texts {
				m.Passages = append(m.Passages, catalog.Passage{Text: text})
			}
		}
	}
	for _, tc := range []struct {
		texts []string
		want  []span
	}{
		{[]string{"日本 one.", "Two."}, []span{{0, 7}, {8, 12}}},
		{[]string{"Two.", "日本 one."}, []span{{8, 12}, {13, 20}}},
		{[]string{"one. Two.", "Two. 日本"}, []span{{3, 12}, {8, 15}}},
		{[]string{"not there", "Two."}, []span{{0, 0}, {8, 12}}},
	} {
		if diff := cmp.Diff(tc.want, spans(prepare(changed(of(tc.texts...))))); diff != "" {
			t.Errorf("spans of %q (-want +got):\n%s", tc.texts, diff)
		}
	}

	made := prepare(changed(func(m *catalog.PutDocument) { of("日本 one.", "Two.")(m); m.Text = "" }))
	if made.Text != "日本 one.\n\nTwo." {
		t.Errorf("the text made of the passages is %q", made.Text)
	}
	if diff := cmp.Diff([]span{{0, 7}, {9, 13}}, spans(made)); diff != "" {
		t.Errorf("spans in the text made of passages (-want +got):\n%s", diff)
	}
	if made.Document.VectorSpace != "unit/2" || len(made.Passages[0].Vector) != 2 {
		t.Errorf("passages without vectors got %v of %q", made.Passages[0].Vector, made.Document.VectorSpace)
	}
	own := prepare(changed(vectors("other/2", []float32{3, 4})))
	if diff := cmp.Diff([]float32{0.6, 0.8}, own.Passages[0].Vector); diff != "" || own.Document.VectorSpace != "other/2" {
		t.Errorf("a supplied vector of %q (-want +got):\n%s", own.Document.VectorSpace, diff)
	}
	if split := prepare(changed(func(m *catalog.PutDocument) {})); len(split.Passages) != 1 || len(split.Passages[0].Vector) != 2 || split.Document.ContentHash == [32]byte{} {
		t.Errorf("without passages the server makes %+v", split)
	}
}

// Passages in the order of the text are found however many there are; looking for what is
// not there ends at a bound, after which nothing is found.
func TestLocatingIsBounded(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	found := func(m catalog.PutDocument) (n int) {
		t.Helper()
		prepared, err := x.Prepare(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range prepared.(catalog.PutDocument).Passages {
			if p.Span.End > p.Span.Start {
				n++
			}
		}
		return n
	}
	inOrder := changed(func(m *catalog.PutDocument) {
		var text strings.Builder
		for i := range 9000 {
			p := fmt.Sprintf("passage %d of many", i)
			m.Passages = append(m.Passages, catalog.Passage{Text: p})
			text.WriteString(p + strings.Repeat(" between", 100))
		}
		m.Text = text.String()
	})
	if n := found(inOrder); n != 9000 {
		t.Errorf("%d of 9000 passages in order are found", n)
	}
	absent := func(n int) catalog.PutDocument {
		return changed(func(m *catalog.PutDocument) {
			m.Text = strings.Repeat("a", 1<<20) + "needle"
			for i := range n {
				m.Passages = append(m.Passages, catalog.Passage{Text: "b" + strconv.Itoa(i)})
			}
			m.Passages = append(m.Passages, catalog.Passage{Text: "needle"})
		})
	}
	if n := found(absent(10)); n != 1 {
		t.Errorf("after ten passages that are nowhere, %d are found, want the last", n)
	}
	if n := found(absent(1000)); n != 0 {
		t.Errorf("after a thousand passages that are nowhere in a megabyte, %d are found: is there no bound?", n)
	}
}
