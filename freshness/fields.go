package freshness

import "slices"

// manyDocuments and manyValues are how often a sentence must occur, and with how many values, to be a field of a form.
const (
	manyDocuments = 3
	manyValues    = 3
)

// fields are the sentences that differ from document to document because they are filled in, not because one is wrong:
// "This group meets every other Tuesday at 10:00".
type fields struct {
	search *search
	forms  map[string]*form
}

// A form is all lines of the same words.
type form struct {
	documents int
	last      int // the last document counted
	values    []string
}

func (f *form) add(doc int, text string) {
	if f.documents == 0 || f.last != doc {
		f.documents++
		f.last = doc
	}
	if len(f.values) < manyValues && !slices.Contains(f.values, text) {
		f.values = append(f.values, text)
	}
}

func (f *form) many() bool { return f.documents >= manyDocuments && len(f.values) >= manyValues }

func (s *search) fields() *fields {
	f := &fields{s, make(map[string]*form)}
	for d := range s.docs {
		for i := range s.docs[d].lines {
			l := &s.docs[d].lines[i]
			at := f.forms[string(l.Words)]
			if at == nil {
				at = &form{}
				f.forms[string(l.Words)] = at
			}
			at.add(d, l.stated())
		}
	}
	return f
}

// stated is what the line's values say, in one string.
func (l *line) stated() string {
	var b []byte
	for _, q := range l.Quantities {
		b = append(append(b, flat(q.textIn(l.Statement))...), 0)
	}
	return string(b)
}

func (f *fields) has(l *line) bool {
	at := f.forms[string(l.Words)]
	return at != nil && at.many()
}

// without leaves out conflicts of a sentence that is at odds with several documents in several ways: then it is one of
// many that differ.
func (f *fields) without(found []Contested) []Contested {
	odds := make(map[[2]int]*form) // by source and place of a value: the documents and values on the other side
	at := func(source, place, other int, text string) {
		key := [2]int{source, place}
		if odds[key] == nil {
			odds[key] = &form{}
		}
		odds[key].add(other, flat(text))
	}
	for _, c := range found {
		at(c.A, c.ValueSpanA.Start, c.B, c.ValueB)
		at(c.B, c.ValueSpanB.Start, c.A, c.ValueA)
	}
	field := func(source, place int) bool {
		o := odds[[2]int{source, place}]
		return o.documents >= manyDocuments-1 && len(o.values) >= manyValues-1
	}
	return slices.DeleteFunc(found, func(c Contested) bool {
		return field(c.A, c.ValueSpanA.Start) || field(c.B, c.ValueSpanB.Start)
	})
}
