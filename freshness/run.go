package freshness

// Run says that a stretch of one text stands word for word in another, from which the first was
// made: Length code points at Text of the first, at Original of the second.
type Run struct {
	_        struct{} `cbor:",toarray"`
	Text     int
	Original int
	Length   int
}

// Origin is where a span of a passage stands in the document that the passage is of: the
// narrowest stretch that covers it. runs are those of the passage, nil if it stands there word
// for word; it is nowhere, the zero Span, if the passage is.
func Origin(passage Span, runs []Run, s Span) Span {
	if passage.Start == passage.End {
		return Span{}
	}
	if runs == nil {
		return Span{passage.Start + s.Start, passage.Start + s.End}
	}
	start, end := 0, passage.End-passage.Start
	for _, r := range runs {
		if r.Text <= s.Start {
			start = r.Original + min(s.Start-r.Text, r.Length)
		}
		if s.End <= r.Text+r.Length {
			end = r.Original + max(s.End-r.Text, 0)
			break
		}
	}
	return Span{passage.Start + start, passage.Start + max(start, end)}
}
