package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func evalConflictsCommand() *cobra.Command {
	var data string
	var asJSON bool
	var each int
	c := &cobra.Command{
		Use:   "conflicts --data DIR",
		Short: "Measure how well conflicts are found, on labelled pairs and real feeds",
		Long: `Measure how well conflicts are found. DIR/conflict/*.jsonl.gz are pairs of sentences, one a line with a, b and a
label: conflict, agree or neutral. Each pair is judged twice: as versions of one document (tier A, which callers
see), and as two documents that have nothing to do with each other (tier B, which only stewards see). DIR/feeds/*.jsonl.gz
are documents: each feed is indexed in a temporary directory, just as a server would, every title is asked of the
keyword index, and the ten best passages are compared; then the whole feed is searched as for a steward.

Everything is told apart into two halves by a hash: tune on the one, believe the other. A pair is numeric if each of its
sentences states a number that the other does not.`,
		Example: "  muniment eval conflicts --data ./data\n  muniment eval conflicts --data ./data --examples 5 --json | jq '.feeds[].tier_b_queries'",
		Args:    exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if data == "" {
				return usagef("--data is missing: a folder that holds conflict/ and feeds/")
			}
			var report conflictReport
			var mistakes examples
			pairs, feeds, err := conflictData(data)
			if err != nil {
				return err
			}
			for _, file := range pairs {
				if err := report.judgePairs(file, &mistakes); err != nil {
					return err
				}
			}
			for _, file := range feeds {
				if err := report.searchFeed(c.Context(), file, &mistakes); err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
			}
			report.Examples = mistakes.pick(each)
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(report)
			}
			report.print(c.OutOrStdout())
			return nil
		},
	}
	c.Flags().StringVar(&data, "data", "", "the folder that holds conflict/ and feeds/")
	c.Flags().BoolVar(&asJSON, "json", false, "print the figures as JSON")
	c.Flags().IntVar(&each, "examples", 0, "how many examples of each kind of mistake, and of flags in feeds, to print")
	return c
}

// conflictData lists the files of labelled pairs and the feeds.
func conflictData(dir string) (pairs, feeds []string, err error) {
	for _, part := range []struct {
		name string
		into *[]string
	}{{"conflict", &pairs}, {"feeds", &feeds}} {
		for _, ending := range []string{"*.jsonl", "*.jsonl.gz"} {
			found, err := filepath.Glob(filepath.Join(dir, part.name, ending))
			if err != nil {
				return nil, nil, usageError{err}
			}
			*part.into = append(*part.into, found...)
		}
		slices.Sort(*part.into)
	}
	if len(pairs)+len(feeds) == 0 {
		return nil, nil, usagef("--data: %s holds neither conflict/*.jsonl.gz nor feeds/*.jsonl.gz", dir)
	}
	return pairs, feeds, nil
}

// setName is a file's name without its endings.
func setName(file string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), ".jsonl")
}

// halves are what the figures are told apart by.
var halves = [...]string{"tuned on", "held out"}

// halfOf says which half something belongs to: all pairs of one page or document to the same.
func halfOf(name string) string {
	h := fnv.New32a()
	io.WriteString(h, name)
	return halves[h.Sum32()>>16&1]
}

// conflictReport is what is printed.
type conflictReport struct {
	Pairs    []*pairFigures `json:"pairs"`
	Feeds    []*feedFigures `json:"feeds"`
	Examples []specimen     `json:"examples,omitempty"`
}

// A specimen is something that was judged, to be looked at by a person.
type specimen struct {
	Set  string `json:"set"`
	What string `json:"what"` // "tier A, wrongly flagged", …
	A    string `json:"a"`
	B    string `json:"b"`
	Why  string `json:"why,omitempty"` // the detector's explanation
}

// examples collects examples. Those that are picked are spread by a hash, so that they are the same each time and
// not all of one page.
type examples []specimen

func (s *examples) add(x specimen) { *s = append(*s, x) }

func (s examples) pick(n int) []specimen {
	order := func(x specimen) uint32 {
		h := fnv.New32a()
		io.WriteString(h, x.A+"\x00"+x.B)
		return h.Sum32()
	}
	slices.SortStableFunc(s, func(x, y specimen) int {
		return cmp.Or(cmp.Compare(x.Set, y.Set), cmp.Compare(x.What, y.What), cmp.Compare(order(x), order(y)))
	})
	var picked []specimen
	for i, x := range s {
		if i >= n && s[i-n].Set == x.Set && s[i-n].What == x.What {
			continue
		}
		if n > 0 {
			picked = append(picked, x)
		}
	}
	return picked
}

func (r *conflictReport) print(w io.Writer) {
	share := func(n, of int) string {
		if of == 0 {
			return "-"
		}
		return fmt.Sprintf("%.3f", float64(n)/float64(of))
	}
	if len(r.Pairs) > 0 {
		fmt.Fprintf(w, "%-36s %-8s %-4s %6s %8s %8s %9s %9s %9s\n", "pairs of", "half", "tier", "pairs", "conflict", "flagged", "precision", "recall", "numeric")
	}
	for _, p := range r.Pairs {
		fmt.Fprintf(w, "%-36s %-8s %-4s %6d %8d %8d %9s %9s %9s\n", p.Set, p.Half, p.Tier, p.Pairs, p.Conflicts, p.Flagged,
			share(p.Right, p.Flagged), share(p.Right, p.Conflicts), share(p.NumericFound, p.Numeric))
	}
	if len(r.Feeds) > 0 {
		fmt.Fprintf(w, "\n%-22s %-8s %7s %8s %8s %16s %9s %9s\n", "feed", "half", "queries", "tier A", "tier B", "", "corpus A", "corpus B")
	}
	for _, f := range r.Feeds {
		fmt.Fprintf(w, "%-22s %-8s %7d %8s %8s %16s %9d %9d\n", f.Feed, f.Half, f.Queries, share(f.TierA, f.Queries), share(f.TierB, f.Queries),
			fmt.Sprintf("(%d, %d)", f.TierA, f.TierB), f.CorpusA, f.CorpusB)
	}
	for _, x := range r.Examples {
		fmt.Fprintf(w, "\n%s: %s\n  a: %s\n  b: %s\n", x.Set, x.What, strings.Join(strings.Fields(x.A), " "), strings.Join(strings.Fields(x.B), " "))
		if x.Why != "" {
			fmt.Fprintf(w, "  %s\n", x.Why)
		}
	}
}
