package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo walks through the company as "make demo" does.
func TestDemo(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	c := command(t.Context(), t, "demo", "--company", filepath.Join(testdata, "company"), "--questions", filepath.Join(testdata, "company-questions.json"))
	c.Env = append(c.Env, "TMPDIR="+temporary)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{fmt.Sprintf("%d applied", len(company(t))), "byte-identical after masking", "verified: ", "STALE", "between 1 and 2"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
	if n := strings.Count(string(out), " asks: "); n != 6 {
		t.Errorf("%d questions, want 6", n)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind, %v", left, err)
	}
}

// TestDemoAudit tells the story of one answer as "make demo-audit" does.
func TestDemoAudit(t *testing.T) {
	t.Parallel()
	c := command(t.Context(), t, "demo", "--audit", "--company", filepath.Join(testdata, "company"), "--questions", filepath.Join(testdata, "company-questions.json"))
	c.Env = append(c.Env, "TMPDIR="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"since then: EDITED: the document was edited: it has version", "since then: REVOKED: the user may no longer read it",
		"within 30 days", "within 21 days", "policy as it was at revision", "first bad record",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
}

// TestEval measures a collection so small that the figures are known: each query finds its
// document first, but for one whose document comes second to a better one.
func TestEval(t *testing.T) {
	t.Parallel()
	for _, packed := range []bool{false, true} {
		dir := t.TempDir()
		put := func(name, text string) {
			if packed {
				name, text = name+".gz", zipped(t, text)
			}
			write(t, filepath.Join(dir, name), text)
		}
		put("corpus.jsonl", `{"_id": "a", "title": "Tides", "text": "The tide turns at noon."}
{"_id": "b", "title": "Ropes", "text": "A rope is made of hemp."}
{"_id": "c", "title": "Anchors", "text": "Anchor, anchor, anchor."}
{"_id": "d", "title": "Masts", "text": "The mast stands near an anchor of stone."}
`)
		put("queries.jsonl", `{"_id": "1", "text": "tide at noon"}
{"_id": "2", "text": "hemp rope"}
{"_id": "3", "text": "anchor"}
{"_id": "4", "text": "nobody judged this"}
`)
		put("qrels.tsv", "query-id\tcorpus-id\tscore\n1\ta\t1\n2\tb\t1\n3\td\t1\n")
		got := program(t, "eval", "--data", dir, "--json")
		var report struct {
			Documents, Queries      int
			Keyword, Vector, Hybrid struct {
				NDCG   float64 `json:"ndcg_at_10"`
				MRR    float64 `json:"mrr_at_10"`
				Recall float64 `json:"recall_at_100"`
			}
		}
		if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != exitOK {
			t.Fatalf("eval: %v, %+v", err, got)
		}
		const ndcg, mrr = (1 + 1 + 0.6309297535714575) / 3, (1 + 1 + 0.5) / 3.0
		near := func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
		if report.Documents != 4 || report.Queries != 3 || !near(report.Keyword.NDCG, ndcg) || !near(report.Keyword.MRR, mrr) || report.Keyword.Recall != 1 {
			t.Errorf("packed %t: %s", packed, got.stdout)
		}
		if report.Hybrid.NDCG <= 0 || report.Vector.NDCG <= 0 {
			t.Errorf("packed %t: %s", packed, got.stdout)
		}
	}
	if got := program(t, "eval", "--data", t.TempDir()); got.code != exitUsage || !strings.Contains(got.stderr, "corpus.jsonl") {
		t.Errorf("eval of an empty folder: %+v", got)
	}
}
