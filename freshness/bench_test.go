package freshness

import (
	"fmt"
	"strings"
	"testing"
)

// answer is what a query brings back: 50 passages of about 200 words, five versions each of ten
// pages, every version with one or two values of its own. changed = false leaves the versions equal.
func answer(changed bool) []string {
	var out []string
	for page := range 10 {
		for version := range 5 {
			var b strings.Builder
			for i := range 6 {
				days, fee := 10+i, 40+i*3
				if changed && i == version {
					days, fee = days+version+20, fee+version%2
				}
				fmt.Fprintf(&b, "Applicants for licence %c%c of the harbour office file their papers within %d days of the notice given by the clerk. ",
					'A'+page, 'A'+i, days)
				fmt.Fprintf(&b, "The clerk stamps them. The fee of the stalls in market hall %c%c is $%d per month. ", 'K'+page, 'A'+i, fee)
			}
			out = append(out, b.String())
		}
	}
	return out
}

func sourcesOf(texts []string) []Source {
	var out []Source
	for i, text := range texts {
		out = append(out, Source{Key: fmt.Sprint(i), Lineage: fmt.Sprint(i / 5), Signature: Sign(text), Statements: Prepare(text)})
	}
	return out
}

func BenchmarkPrepare50Passages(b *testing.B) {
	texts := answer(true)
	b.ReportAllocs()
	for b.Loop() {
		for _, t := range texts {
			Prepare(t)
		}
	}
}

func BenchmarkConflicts50Passages(b *testing.B) {
	sources := sourcesOf(answer(true))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(Conflicts(sources))
	}
	b.ReportMetric(float64(n), "conflicts")
}

func BenchmarkConflicts50Strangers(b *testing.B) {
	sources := sourcesOf(answer(true))
	for i := range sources {
		sources[i].Lineage, sources[i].Signature = "", Sign(strings.Repeat(fmt.Sprintf("word%c ", 'a'+i%26), i+3))
	}
	b.ReportAllocs()
	for b.Loop() {
		Conflicts(sources)
	}
}

func BenchmarkSign(b *testing.B) {
	text := answer(true)[0]
	b.ReportAllocs()
	for b.Loop() {
		Sign(text)
	}
}
