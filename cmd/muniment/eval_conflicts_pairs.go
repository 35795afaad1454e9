package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/muniment/muniment/freshness"
)

// A labelledPair is a line of a file of pairs. Of Org, Doc, Page and ID, those that a file has say what is told apart.
type labelledPair struct {
	ID    string `json:"id"`
	Org   string `json:"org"`
	Doc   string `json:"doc"`
	Page  string `json:"page"`
	A     string `json:"a"`
	B     string `json:"b"`
	Label string `json:"label"`
}

// pairFigures are those of one tier on one half of a set.
type pairFigures struct {
	Set          string `json:"set"`
	Half         string `json:"half"`
	Tier         string `json:"tier"`
	Pairs        int    `json:"pairs"`
	Conflicts    int    `json:"conflicts"` // labelled so
	Flagged      int    `json:"flagged"`
	Right        int    `json:"right"` // flagged and labelled a conflict
	Numeric      int    `json:"numeric"`
	NumericFound int    `json:"numeric_found"`
}

func (p *pairFigures) count(pair labelledPair, flagged bool) {
	conflict := pair.Label == "conflict"
	p.Pairs++
	if flagged {
		p.Flagged++
	}
	if !conflict {
		return
	}
	p.Conflicts++
	if flagged {
		p.Right++
	}
	if numeric(pair.A, pair.B) {
		p.Numeric++
		if flagged {
			p.NumericFound++
		}
	}
}

// judgePairs judges the pairs of a file as both tiers do. A file whose pairs name organisations has lines for each of them, too.
func (r *conflictReport) judgePairs(file string, mistakes *examples) error {
	set := setName(file)
	var order []*pairFigures
	figures := map[pairFigures]*pairFigures{}
	at := func(set, half, tier string) *pairFigures {
		key := pairFigures{Set: set, Half: half, Tier: tier}
		if figures[key] == nil {
			p := key
			figures[key] = &p
			order = append(order, &p)
		}
		return figures[key]
	}
	for _, tier := range []string{"A", "B"} {
		for _, half := range halves {
			at(set, half, tier)
		}
	}
	err := eachLine(filepath.Dir(file), []string{strings.TrimSuffix(filepath.Base(file), ".gz")}, func(line []byte) error {
		var p labelledPair
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		half := halfOf(cmp.Or(p.Doc, p.Page, p.ID))
		for tier, lineage := range map[string]string{"A": "one", "B": ""} {
			found := judgePair(p.A, p.B, lineage)
			at(set, half, tier).count(p, len(found) > 0)
			if p.Org != "" && tier == "A" {
				at(set+" "+p.Org, "both", tier).count(p, len(found) > 0)
			}
			switch {
			case len(found) > 0 && p.Label != "conflict":
				mistakes.add(specimen{set, fmt.Sprintf("tier %s, wrongly flagged, labelled %s, %s", tier, p.Label, half), p.A, p.B, found[0].Explanation})
			case len(found) == 0 && p.Label == "conflict" && numeric(p.A, p.B):
				mistakes.add(specimen{set, fmt.Sprintf("tier %s, numeric and not found, %s", tier, half), p.A, p.B, ""})
			}
		}
		return nil
	})
	r.Pairs = append(r.Pairs, order...)
	return err
}

// judgePair compares two texts as versions of one document, or as documents that are no relatives if lineage is empty.
func judgePair(a, b, lineage string) []freshness.Contested {
	source := func(key, text string) []freshness.Source {
		return []freshness.Source{{Key: key, Lineage: lineage, Statements: freshness.Prepare(text)}}
	}
	return freshness.Between(source("a", a), source("b", b))
}

var numbers = regexp.MustCompile(`[0-9][0-9.,]*|\b(?i:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|` +
	`seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|once|twice)\b`)

// numeric reports whether each text states a number, in digits or as a word, that the other does not.
func numeric(a, b string) bool {
	in := func(text string) map[string]bool {
		found := map[string]bool{}
		for _, n := range numbers.FindAllString(text, -1) {
			found[strings.ToLower(strings.ReplaceAll(strings.TrimRight(n, ".,"), ",", ""))] = true
		}
		return found
	}
	lacks := func(x, y map[string]bool) bool {
		for n := range x {
			if !y[n] {
				return true
			}
		}
		return false
	}
	x, y := in(a), in(b)
	return lacks(x, y) && lacks(y, x)
}
