package retriever_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/retriever"
)

// BenchmarkRetrieve asks 20,000 passages of 60 to 120 words, of which the caller may read
// half, in process; the audit record goes to memory.
func BenchmarkRetrieve(b *testing.B) {
	d := newDesk(b)
	random := rand.New(rand.NewPCG(1, 2))
	vocabulary := make([]string, 4000)
	for i := range vocabulary {
		vocabulary[i] = fmt.Sprintf("%s%s", fillers[i%len(fillers)], strings.Repeat("x", i/len(fillers)%7)+string(rune('a'+i%26)))
	}
	word := func() string { return vocabulary[int(float64(len(vocabulary))*random.Float64()*random.Float64())] }
	words := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = word()
		}
		return strings.Join(list, " ")
	}
	var batch []catalog.Mutation
	for i := range 5000 {
		var text strings.Builder
		for c := range 4 {
			fmt.Fprintf(&text, "# Chapter %d\n\n%s.\n\n", c, words(60+random.IntN(60)))
		}
		batch = append(batch, page(fmt.Sprintf("d%d", i), words(3), text.String(), []acl.Principal{acl.Everyone, "user:local/nobody"}[i%2]))
		if len(batch) == 500 {
			d.send(b, batch...)
			batch = nil
		}
	}
	queries := make([]string, 200)
	for i := range queries {
		queries[i] = words(2 + random.IntN(4))
	}
	for i := 0; b.Loop(); i++ {
		if a := d.ask(b, ada, retriever.Request{Query: queries[i%len(queries)]}); len(a.Results) == 0 {
			b.Fatal("nothing found")
		}
	}
}
