package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/internal/bench/report"
)

// comparedSentences is how many sentences with a value the corpus of measureConflicts has.
const comparedSentences = 100_000

// measureConflicts measures what it costs to find conflicts: among the passages of an answer, in a whole corpus, and
// beforehand, when documents are taken in. It needs no server. A time is the processor time of the best of some rounds.
func (r *run) measureConflicts(ctx context.Context) error {
	best := func(rounds int, do func()) time.Duration {
		least := time.Duration(1<<63 - 1)
		for range rounds {
			before := ownCPU()
			do()
			least = min(least, ownCPU()-before)
		}
		return least
	}
	r.say("comparing 50 passages")
	const times = 50 // a round, since processor time is told in steps
	passages := fiftyPassages()
	compared := best(20, func() {
		for range times {
			freshness.Conflicts(passages)
		}
	}) / times
	r.stated("conflicts", "50 prepared passages compared, five versions each of ten pages", report.Milliseconds(compared), "ms CPU", report.AtMost(2))

	r.say("drawing %d sentences", comparedSentences)
	texts := drawSentences(comparedSentences)
	var sources []freshness.Source
	for d, text := range texts {
		sources = append(sources, freshness.Source{Key: "document " + inLetters(d), Signature: freshness.Sign(text), Statements: freshness.Prepare(text)})
	}
	r.say("searching them")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	found, err := freshness.Search(ctx, sources)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return err
	}
	r.stated("conflicts", fmt.Sprintf("%d sentences with values, in %d documents: all conflicts (%d)", comparedSentences, len(texts), len(found)), took.Seconds(), "s", report.AtMost(30))
	r.stated("conflicts", "the same: memory allocated meanwhile", float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "MiB", nil)

	return r.measurePreparing(ctx, texts[:500], best)
}

// measurePreparing compares what preparing documents for comparison takes with all that is done to a document before it is
// committed: it is split, prepared and embedded by the built-in model. One sentence in five states a value.
func (r *run) measurePreparing(ctx context.Context, texts []string, best func(rounds int, do func()) time.Duration) error {
	r.say("preparing documents")
	model, err := embed.Default()
	if err != nil {
		return err
	}
	for d, text := range texts {
		sentences := strings.Split(text, "\n\n")
		for i, s := range sentences {
			if before, _, _ := strings.Cut(s, " takes "); i%5 != 0 {
				sentences[i] = before + "."
			}
		}
		texts[d] = strings.Join(sentences, "\n\n")
	}
	var drafting indexer.Indexer
	whole := best(5, func() {
		for d, text := range texts {
			m := catalog.PutDocument{Document: catalog.Document{DocumentID: catalog.DocumentID{Source: source, ID: documentID(d)}, Version: 1}, Text: text}
			m.Access.Policy = &acl.Policy{}
			drafted, draftErr := drafting.Draft(m)
			if draftErr != nil {
				err = draftErr
				return
			}
			var passages []string
			for _, p := range drafted.(catalog.PutDocument).Passages {
				passages = append(passages, p.Text)
			}
			if _, embedErr := model.Embed(ctx, passages); embedErr != nil {
				err = embedErr
			}
		}
	})
	own := best(5, func() {
		for _, text := range texts {
			freshness.Sign(text)
			freshness.Prepare(text)
		}
	})
	words := 0
	for _, text := range texts {
		words += len(strings.Fields(text))
	}
	r.stated("conflicts", "prepared for comparison, and signed: 1,000 words", report.Milliseconds(own)*1000/float64(words), "ms CPU", nil)
	r.stated("conflicts", "share of that in splitting, preparing and embedding a document", 100*own.Seconds()/whole.Seconds(), "%", nil)
	return err
}

// fiftyPassages are five versions each of ten pages of 200 words, every version with values of its own.
func fiftyPassages() (sources []freshness.Source) {
	for page := range 10 {
		for version := range 5 {
			var b strings.Builder
			for i := range 6 {
				days, fee := 10+i, 40+3*i
				if i == version {
					days, fee = days+version+20, fee+version%2
				}
				fmt.Fprintf(&b, "Applicants for licence %s of the harbour office file their papers within %d days of the notice given by the clerk. ", inLetters(26*page+i), days)
				fmt.Fprintf(&b, "The clerk stamps them. The fee of the stalls in market hall %s is $%d per month. ", inLetters(26*page+i+300), fee)
			}
			sources = append(sources, freshness.Source{
				Key: fmt.Sprint(page, " in version ", version), Lineage: fmt.Sprint(page), Signature: freshness.Sign(b.String()), Statements: freshness.Prepare(b.String()),
			})
		}
	}
	return sources
}

// drawSentences draws documents of ten sentences, each with a value, of words that follow Zipf's law without its
// commonest. Every tenth document is the one before with some other values.
func drawSentences(n int) (texts []string) {
	random := rand.New(rand.NewPCG(7, 11))
	zipf := rand.NewZipf(random, 1.1, 150, 20_000)
	units := strings.Fields("days euros percent kilometres crates hours tickets seats GB people")
	var before []string
	for d := range n / 10 {
		sentences := make([]string, 10)
		for i := range sentences {
			if d%10 == 9 {
				words := strings.Fields(before[i])
				if random.IntN(5) == 0 {
					words[len(words)-3] = fmt.Sprint(2 + random.IntN(90))
				}
				sentences[i] = strings.Join(words, " ")
				continue
			}
			var b strings.Builder
			for range 8 + random.IntN(10) {
				b.WriteString("w" + inLetters(int(zipf.Uint64())) + " ")
			}
			fmt.Fprintf(&b, "takes %d %s now.", 2+random.IntN(90), units[random.IntN(len(units))])
			sentences[i] = b.String()
		}
		before = sentences
		texts = append(texts, strings.Join(sentences, "\n\n"))
	}
	return texts
}

// inLetters writes a number in letters, since a word with a digit in it would be a name.
func inLetters(n int) string {
	s := ""
	for ; n > 0 || s == ""; n /= 26 {
		s += string(rune('a' + n%26))
	}
	return s
}
