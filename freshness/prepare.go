package freshness

// maxStatements is how many statements of one passage are kept, which bounds the work of comparing
// two. A passage of 200 words holds about ten.
const maxStatements = 128

// maxQuantities is how many values of one sentence are kept. A sentence with more is a data dump.
const maxQuantities = 16

// Prepare splits a passage, Markdown or plain text, into its statements: the sentences that state a
// value, with their values typed and normalised. Equal text gives equal statements. Every Span lies
// inside the text, counted in code points, and Text is what it cuts out.
func Prepare(text string) []Statement {
	p := newPage(text)
	defer p.done()
	var out []Statement
	var header []uint16 // of the table that the rows belong to
	for _, b := range p.blocks {
		if !b.row {
			header = nil
		}
		p.sentences(b, func(lo, hi int) {
			s := scanner{toks: p.tokens(lo, hi)}
			if b.row && header == nil {
				header = s.cells()
				return
			}
			if len(out) < maxStatements {
				if st, ok := s.statement(p, lo, hi, b.row, header); ok {
					out = append(out, st)
				}
			}
		})
	}
	return out
}

// statement turns the scanned sentence into a Statement, unless it states no value.
func (s *scanner) statement(p *page, lo, hi int, row bool, header []uint16) (Statement, bool) {
	if s.stamp() {
		return Statement{}, false
	}
	fs := s.quantities()
	if len(fs) == 0 || len(fs) > maxQuantities {
		return Statement{}, false
	}
	st := Statement{Span: Span{lo, hi}, Text: string(p.text[lo:hi]), Rule: s.rule()}
	cell, words := 0, 0
	if row && !s.is(0, "|") {
		cell = 1 // the first cell has no mark before it
	}
	example := exampleSpan{}
	next := 0
	for i := 0; i < len(s.toks); i++ {
		t := s.toks[i]
		example.step(s, i)
		if next < len(fs) && fs[next].lo == i {
			f := fs[next]
			next++
			if !f.silent && !example.active && !(row && cell <= 1) {
				q := f.q
				q.Bound = s.bound(q.Kind, f.lo, f.hi)
				q.Label = s.label(f.lo)
				if row && cell-1 < len(header) {
					q.Label = header[cell-1]
				}
				q.At, q.Start = words, s.toks[f.lo].lo-lo
				q.Len = s.toks[f.hi-1].hi - s.toks[f.lo].lo
				st.Quantities = append(st.Quantities, q)
			}
			st.Words = appendWord(st.Words, newWord(uint32(f.q.Kind), value))
			words++
			i = f.hi - 1
			continue
		}
		if row && t.low == "|" {
			cell++
		}
		if w, ok := s.word(i); ok {
			if row && cell <= 1 && w.bearing() {
				st.Row = st.Row*31 + w.stem() + 1
			}
			st.Words = appendWord(st.Words, w)
			words++
		}
	}
	// A row without a name in its first cell says of nothing what its values are.
	return st, len(st.Quantities) > 0 && row == (st.Row != 0)
}

// word classifies token i. Marks that close a phrase are kept as words of class stop, so that the
// window around a value does not read across them; others are dropped.
func (s *scanner) word(i int) (word, bool) {
	t := s.toks[i]
	switch t.kind {
	case tokPunct:
		switch t.low {
		case ",", ";", ":", "|", ".", "?", "!":
			return newWord(stemHash(t.low), stop), true
		}
		return 0, false
	case tokWord:
		switch {
		case isArticle(t.low):
			return 0, false
		case isStop(t.low):
			return newWord(stemHash(t.low), stop), true
		case t.upper && i > 0 && !(s.toks[i-1].kind == tokPunct && s.toks[i-1].low != ","):
			return newWord(stemHash(t.low), name), true
		}
		return newWord(stemHash(t.low), content), true
	}
	// A number that is no value belongs to the name before it: "Tier 1" and "Tier 2" differ.
	return newWord(stemHash(t.low), name), true
}

// cells returns the hash of each cell of a table's header row.
func (s *scanner) cells() []uint16 {
	var hs []uint16
	for i, t := range s.toks {
		bar := t.low == "|"
		if bar && i < len(s.toks)-1 || len(hs) == 0 {
			hs = append(hs, 0)
		}
		if t.kind != tokPunct {
			hs[len(hs)-1] = hs[len(hs)-1]*31 + shortHash(t.low)
		}
	}
	return hs
}

var ruleWords = set("must shall should may required require requires limit limited allowed entitled eligible mandatory deadline need needs have has permitted")

// rule reports whether the sentence prescribes something.
func (s *scanner) rule() bool {
	for _, t := range s.toks {
		if t.kind == tokWord && ruleWords[t.low] && t.low != "has" && t.low != "have" {
			return true
		}
	}
	return false
}

var stampVerbs = set("reviewed updated modified changed edited revised checked verified accessed published generated")

// stamp reports whether the sentence only dates the page it stands on: "Last reviewed 3 May 2024",
// "Updated: 2024-05-03", "Copyright 2021".
func (s *scanner) stamp() bool {
	for i := 0; i < len(s.toks) && i < 12; i++ {
		next := s.low(i + 1)
		switch w := s.toks[i].low; {
		case w == "last" && (stampVerbs[next] || next == "review" || next == "update" || next == "change" && i == 0),
			w == "next" && next == "review",
			w == "review" && (next == "date" || next == "due"),
			w == "copyright" || w == "©",
			i == 0 && stampVerbs[w] && (next == ":" || next == "on" || next == "at"),
			i == 0 && w == "date" && next == ":":
			return true
		}
	}
	return false
}

// exampleSpan follows the sentence and knows when it is giving examples: behind "e.g." or "for
// example" up to the bracket that closes it, else to the end.
type exampleSpan struct {
	active, bracket bool
}

func (e *exampleSpan) step(s *scanner, i int) {
	if e.active {
		if e.bracket && s.is(i, ")") {
			*e = exampleSpan{}
		}
		return
	}
	w := s.toks[i].low
	if w == "e.g" || w == "eg" || (w == "example" || w == "instance") && (s.is(i-1, "for") || s.is(i+1, ":")) || w == "such" && s.is(i+1, "as") || w == "say" && s.is(i-1, ",") {
		*e = exampleSpan{active: true, bracket: s.is(i-1, "(") || s.is(i-2, "(")}
	}
}
