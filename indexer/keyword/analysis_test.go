package keyword

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/indexer"
)

func TestAnalyse(t *testing.T) {
	for text, want := range map[string]string{
		"The cats' owner's running shoes":   "the cat owner run shoe",
		"don't, don’t; o’clock":             "don't don't o'clock",
		"ﬁle Ｆｕｌｌ　ｗｉｄｔｈ":                    "file full width",
		"cafe\u0301 café":                   "café café",
		"pass\u00adword zero\u200bwidth":    "password zerowidth",
		"Überprüfung der Straße":            "überprüfung der straße",
		"l’été à Genève":                    "l'été à genèv",
		"東京都庁 Tokyo":                        "東京 京都 都庁 tokyo",
		"カタカナ ｶﾀｶﾅ":                         "カタ タカ カナ カタ タカ カナ",
		"İSTANBUL ΟΔΟΣ οδός":                "istanbul οδοσ οδόσ",
		"字":                                 "字",
		"kube-apiserver v1.29 example.com":  "kube apiserv v1.29 example.com",
		" \t\n -- … !":                      "",
		strings.Repeat("é", 80) + " x":      strings.Repeat("é", 50) + " x",
		strings.Repeat("a", 1<<16) + " end": strings.Repeat("a", 100) + " end",
	} {
		got := analyse(text)
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" && want+strings.Join(got, "") != "" {
			t.Errorf("analyse(%.40q):\n%s", text, diff)
		}
	}
}

func TestQueryTerms(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                    nil,
		"What is the policy on leave?":        {"leav", "polici"},
		"to be or not to be":                  {"be", "not", "or", "to"},
		"leave leaving LEAVES":                {"leav"},
		`title:"a b" +must -not (x OR y)~2 *`: {"2", "b", "must", "titl", "x", "y"}, // no syntax
	} {
		got, err := queryTerms(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("queryTerms(%q): %v\n%s", text, err, diff)
		}
	}
}

func TestTooManyTerms(t *testing.T) {
	v, b := shelf(t, 100)
	x := open(t, t.TempDir())
	defer x.Close()
	if err := x.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var question strings.Builder
	for i := range indexer.MaxTerms {
		fmt.Fprintf(&question, "the word%d Word%d ", i, i)
	}
	if hits, err := find(x, v, question.String()); err != nil || len(hits) != 100 {
		t.Errorf("%d terms find %d passages (%v)", indexer.MaxTerms, len(hits), err)
	}
	question.WriteString("extra")
	for name, view := range map[string]*indexer.Visible{"full": v, "empty": nil} {
		if _, err := find(x, view, question.String()); !errors.Is(err, indexer.ErrTooManyTerms) {
			t.Errorf("%d terms in %s view: %v", indexer.MaxTerms+1, name, err)
		}
	}
	if x.Revision() != 1 {
		t.Error("a refused query was taken for damage")
	}
}

// FuzzAnalyse feeds anything to the analysis, which is third parties' code for the most
// part: it must not panic, and terms must be short and made of whole characters.
func FuzzAnalyse(f *testing.F) {
	for _, seed := range []string{"", "Running shoes", "東京 カタカナ", "don’t", "\xff\xfe", "e\u0301\u200d\U0001f469", strings.Repeat("ß", 200), "İstanbul ÇAĞ", "ﷺ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, term := range analyse(text) {
			if len(term) == 0 || len(term) > maxTermBytes+utf8.UTFMax {
				t.Errorf("analyse(%q) makes a term of %d bytes", text, len(term))
			}
			if utf8.ValidString(text) && !utf8.ValidString(term) {
				t.Errorf("analyse(%q) makes the invalid term %q", text, term)
			}
		}
		compareAnalyses(t, text)
	})
}
