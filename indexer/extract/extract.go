// Package extract turns what a source sent into what a reader of it sees: plain text whose
// structure is written as Markdown writes it, with markup, page furniture and everything
// that is hidden from readers left out, and with a way back from each place to the original.
package extract

// Document is the text that a reader sees.
type Document struct {
	// Plain is the text. Markdown and plain text stand in it as written, but for what was
	// left out; the structure of HTML is written in Markdown.
	Plain string
	// Headings are those under which the text is divided, in order, without overlap.
	Headings []Heading
	// Hidden is how many code points of the original its readers do not see although they
	// are text: in hidden elements and comments, and characters that have no shape. White
	// space that a reader would see as one space counts as one.
	Hidden int

	original string
	runs     []run
}

// Heading is a heading of a document: its rank, 1 to 6, its words, and the bytes of Plain
// that it takes up, with its line breaks.
type Heading struct {
	Level      int
	Title      string
	Start, End int
}

// Extract returns what a reader sees of a text of the type text/markdown or text/html; any
// other is plain text. The text must be valid UTF-8. It takes time in proportion to the
// text's length, whatever the text is.
func Extract(mime, text string) Document {
	d := Document{original: text}
	switch mime {
	case "text/markdown":
		d = markdown(text)
	case "text/html":
		d = html(text)
	default:
		w := writer{}
		w.copy(text, 0, len(text))
		d.Plain, d.runs = text, w.runs
	}
	return strip(d)
}
