package freshness

// A scanner finds the quantities of one sentence.
type scanner struct {
	toks []token
}

// A found quantity covers the tokens [lo, hi). A silent one is a date that only stamps the sentence
// ("as of 3 May"): it holds a value's place and is none.
type found struct {
	q      Quantity
	lo, hi int
	silent bool
}

// is reports whether token i exists and reads w.
func (s *scanner) is(i int, w string) bool {
	return i >= 0 && i < len(s.toks) && s.toks[i].low == w
}

// low returns the text of token i, "" if there is none.
func (s *scanner) low(i int) string {
	if i < 0 || i >= len(s.toks) {
		return ""
	}
	return s.toks[i].low
}

// quantities finds the values of the sentence from left to right. Each recogniser looks at the
// tokens from i on; the first that knows them wins, the most specific first.
func (s *scanner) quantities() []found {
	var fs []found
	for i := 0; i < len(s.toks); {
		f, ok := s.quantityAt(i)
		if !ok {
			i++
			continue
		}
		if f.q.Kind != 0 {
			fs = append(fs, f)
		}
		i = max(f.hi, i+1)
	}
	return fs
}

// beginnings are the words and marks that a quantity can begin with, other than numbers and names.
// Hardly any word is among them, and asking this first takes a tenth of asking every recogniser.
// What a new recogniser begins with must be added.
var beginnings = func() map[string]bool {
	m := set("+ ( - noon midday midnight bi every once twice")
	for w := range months {
		m[w] = true
	}
	for w := range weekdays {
		m[w] = true
	}
	for w := range ordinals {
		m[w] = true
	}
	for w := range cadences {
		m[w] = true
	}
	for w := range smallNumbers {
		m[w] = true
	}
	for w := range currencies {
		m[w] = true
	}
	for w := range dollars {
		m[w] = true
	}
	return m
}()

// quantityAt recognises a quantity at token i. A result of kind 0 says that the tokens are known
// and are no value: a name, an identifier, a stamp.
func (s *scanner) quantityAt(i int) (found, bool) {
	if t := &s.toks[i]; (t.kind == tokWord || t.kind == tokPunct) && !beginnings[t.low] {
		return found{}, false
	}
	return s.recognise(i)
}

// recognise asks every recogniser.
func (s *scanner) recognise(i int) (found, bool) {
	for _, recognise := range [...]func(int) (found, bool){
		s.email, s.phone, s.date, s.clock, s.ordinal, s.frequency, s.version, s.amount, s.weekday,
	} {
		if f, ok := recognise(i); ok {
			return f, true
		}
	}
	return found{}, false
}

// noValue says that the tokens [lo, hi) are known and are no value.
func noValue(lo, hi int) (found, bool) { return found{lo: lo, hi: hi}, true }

// head returns the hash of the noun that a number before token j counts, 0 if there is none: in the
// run of words up to the next function word or mark, the first plural, else the last of at most
// three ("1,040 confirmed cases", "one team member").
func (s *scanner) head(j int) uint16 {
	if s.is(j, "-") && s.toks[j].glued {
		j++
	}
	if s.is(j, "most") || s.is(j, "least") {
		j++ // "38th most abundant element"
	}
	last := ""
	for n := 0; n < 3 && j < len(s.toks); n++ {
		t := s.toks[j]
		if t.kind != tokWord || isStop(t.low) || smallNumbers[t.low] > 0 {
			break
		}
		last = t.low
		if stem(last) != last {
			break
		}
		j++
	}
	if last == "" {
		return 0
	}
	return shortHash(last)
}

// label returns the hash of the nearest word that carries meaning before token i, 0 if the phrase
// begins there.
func (s *scanner) label(i int) uint16 {
	for j := i - 1; j >= 0 && j >= i-5; j-- {
		t := s.toks[j]
		if t.kind == tokPunct && (t.low == "," || t.low == ";" || t.low == "|" || t.low == ")") {
			return 0
		}
		if (t.kind == tokWord || t.kind == tokName) && !isStop(t.low) {
			return shortHash(t.low)
		}
	}
	return 0
}
