package extract

import "strings"

// trait is what is particular about an element, as bits.
type trait uint16

const (
	void       trait = 1 << iota // has no content and no end tag
	special                      // an end tag of an inline element does not reach past it
	formatting                   // goes on in the next block if it is not ended
	boundary                     // an end tag does not reach past it
	endsP                        // begins where a paragraph ends
	block                        // stands by itself, with a blank line around it
	line                         // stands on a line of its own
	unseen                       // its content is not text of the page
	verbatim                     // white space in it counts
	foreign                      // of SVG or MathML
	outside                      // ends foreign content that it stands in
	marker                       // formatting elements within do not go on behind it
	tablePart                    // a row, a cell, or a group of rows
)

// within are the traits that an element has in foreign content too.
const within = unseen | foreign

var traits = func() map[string]trait {
	m := map[string]trait{}
	for _, set := range []struct {
		trait trait
		names string
	}{
		{void, "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"},
		{special, "address applet area article aside base basefont bgsound blockquote body br button caption center col colgroup dd details " +
			"dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe " +
			"img input keygen li link listing main marquee menu meta nav noembed noframes noscript object ol p param plaintext pre script " +
			"search section select source style summary table tbody td template textarea tfoot th thead title tr track ul wbr xmp foreignobject"},
		{formatting, "a b big code em font i nobr s small strike strong tt u"},
		{boundary, "applet caption html table td th marquee object select template foreignobject"},
		{endsP, "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 " +
			"header hgroup hr listing main menu nav ol p plaintext pre search section summary ul xmp li dd dt table"},
		{block, "address article aside blockquote body caption center details dialog dir div dl fieldset figcaption figure footer form h1 h2 " +
			"h3 h4 h5 h6 header hgroup hr html legend listing main menu nav ol p plaintext pre search section summary table ul xmp " +
			"tbody thead tfoot td th"},
		{line, "br dd dt li tr optgroup option"},
		{unseen, "annotation applet audio canvas datalist frameset head iframe noembed noframes noscript object rp script select style svg template " +
			"textarea title video"},
		{verbatim, "listing plaintext pre xmp"},
		{foreign, "svg math"},
		{marker, "caption td template th"},
		{tablePart, "tbody thead tfoot tr td th"},
		{outside, "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta nobr ol p " +
			"pre ruby s small span strong strike sub sup table tt u ul var"},
	} {
		for name := range strings.FieldsSeq(set.names) {
			m[name] |= set.trait
		}
	}
	return m
}()

// headingLevel is the rank of a heading element, 0 for any other.
func headingLevel(name string) int {
	if len(name) == 2 && name[0] == 'h' && '1' <= name[1] && name[1] <= '6' {
		return int(name[1] - '0')
	}
	return 0
}
