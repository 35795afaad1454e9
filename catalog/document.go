package catalog

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/freshness"
)

// DocumentID names a document: the source system it came from and its id there.
type DocumentID struct {
	Source string `cbor:"1,keyasint"`
	ID     string `cbor:"2,keyasint"`
}

// Compare orders ids byte by byte, source first.
func (a DocumentID) Compare(b DocumentID) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
}

// PassageID names a passage: it derives from the document, the version and the ordinal
// alone, so it is the same on every server that holds the document.
type PassageID struct {
	Document DocumentID
	Version  int64
	Ordinal  int
}

// Compare orders ids by document, version and ordinal. All ties in ranking are broken by
// it, because it is the only order that hidden documents cannot influence.
func (a PassageID) Compare(b PassageID) int {
	return cmp.Or(a.Document.Compare(b.Document), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Ordinal, b.Ordinal))
}

// Citation names the passage in a line of text, the same way on every server.
func (a PassageID) Citation() string {
	return fmt.Sprintf("%s/%s@%d#%d", url.PathEscape(a.Document.Source), url.PathEscape(a.Document.ID), a.Version, a.Ordinal)
}

// Row numbers every passage a store has ever held, in order of arrival, from 1. Rows are
// for indexes; they count hidden passages too and so never leave the server.
type Row uint32

// Document is one document without its text.
type Document struct {
	DocumentID     `cbor:"1,keyasint"`
	Version        int64             `cbor:"2,keyasint"`
	Title          string            `cbor:"3,keyasint,omitempty"`
	MIME           string            `cbor:"4,keyasint,omitempty"`
	URI            string            `cbor:"5,keyasint,omitempty"`
	Owner          acl.Principal     `cbor:"6,keyasint,omitempty"`
	Labels         map[string]string `cbor:"7,keyasint,omitempty"`
	Modified       time.Time         `cbor:"8,keyasint,omitzero"` // at the source
	Verified       Verification      `cbor:"9,keyasint,omitzero"`
	ReviewInterval time.Duration     `cbor:"10,keyasint,omitempty"`
	ValidFrom      time.Time         `cbor:"11,keyasint,omitzero"`
	ValidUntil     time.Time         `cbor:"12,keyasint,omitzero"`
	RetentionClass string            `cbor:"13,keyasint,omitempty"`
	Supersedes     []DocumentID      `cbor:"14,keyasint,omitempty"`
	// VectorSpace names the space of the passages' vectors, "" if they have none.
	VectorSpace string `cbor:"15,keyasint,omitempty"`
	// Signature decides, with another document's, whether the two are copies.
	Signature freshness.Signature `cbor:"16,keyasint,omitempty"`
	// Hidden is how many code points of the text its readers do not see.
	Hidden int `cbor:"25,keyasint,omitempty"`
	// Pending says that the passages wait for their vectors in the server's own space.
	Pending bool `cbor:"26,keyasint,omitempty"`
	// SupersededBy are documents of any source that replace this one, by what its own sender or
	// its own text says. One without a source is whatever stands at that address.
	SupersededBy []DocumentID      `cbor:"28,keyasint,omitempty"`
	ContentHash  [sha256.Size]byte `cbor:"20,keyasint"` // of the original text
	LineHash     [sha256.Size]byte `cbor:"21,keyasint"` // of all content fields, to tell a reused version

	// Set by the store.
	Access    Access    `cbor:"17,keyasint"`
	Synced    time.Time `cbor:"18,keyasint,omitzero"` // when this version arrived
	ACLSynced time.Time `cbor:"19,keyasint,omitzero"` // when its access last arrived
	Rows      Rows      `cbor:"22,keyasint"`          // of its passages, in order of ordinal
	State     State     `cbor:"23,keyasint"`
	ContentAt Revision  `cbor:"24,keyasint"`           // the revision that stored this content
	VectorsAt Revision  `cbor:"27,keyasint,omitempty"` // the revision that stored its vectors later, 0 if none did
	// Settlements are what stewards have said of conflicts with documents that come after it by
	// id. They outlive its versions.
	Settlements []Settlement `cbor:"29,keyasint,omitempty"`
}

// Compared is the document as it is compared with others, without what it says. What it
// supersedes counts within its own source alone; what replaces it is its own sender's to say.
func (d *Document) Compared() freshness.Source {
	key := func(id DocumentID) string { return id.Source + "\x00" + id.ID }
	s := freshness.Source{Key: key(d.DocumentID), Lineage: d.URI, Signature: d.Signature, Modified: d.Modified, Verified: d.Verified.At}
	for _, id := range d.Supersedes {
		if id.Source == d.Source {
			s.Related = append(s.Related, key(id))
		}
	}
	for _, id := range d.SupersededBy {
		s.ReplacedBy = append(s.ReplacedBy, key(id))
	}
	return s
}

// Clocks are the dates by which the document is judged, with what is expected of its source.
//
// A source shows that it is alive by its sessions. One that only sends lines shows it, for this
// document, by the document's own: to take those of its other documents too would tell of hidden
// ones.
func (d *Document) Clocks(of Expectation) freshness.Clocks {
	c := freshness.Clocks{
		Modified: d.Modified, Verified: d.Verified.At, ReviewInterval: d.ReviewInterval,
		ValidFrom: d.ValidFrom, ValidUntil: d.ValidUntil, Cadence: of.Cadence, Confirmed: of.LastSync,
	}
	if c.ReviewInterval <= 0 {
		c.ReviewInterval = of.ReviewInterval
	}
	for _, t := range []time.Time{d.Synced, d.ACLSynced} {
		if t.After(c.Confirmed) {
			c.Confirmed = t
		}
	}
	return c
}

// State says what a stored record stands for.
type State uint8

// The states of a record. Only Present documents exist for anyone.
const (
	AccessOnly State = iota // an access line came first; there is no content yet
	Present
	Deleted // a tombstone: keeps version and access register so that nothing old returns
)

// Verification says who vouched for a document's text, and when.
type Verification struct {
	By acl.Principal `cbor:"1,keyasint,omitempty"`
	At time.Time     `cbor:"2,keyasint,omitzero"`
}

// Access is a document's access register as stored: it has a version of its own and
// changes without touching the content.
type Access struct {
	Version     int64       `cbor:"1,keyasint,omitempty"`
	Policy      *acl.Policy `cbor:"2,keyasint,omitempty"`
	Container   string      `cbor:"3,keyasint,omitempty"` // "" = none
	Sensitivity string      `cbor:"4,keyasint,omitempty"` // "" = acl.DefaultSensitivity
}

// Rows is a run of consecutive row numbers.
type Rows struct {
	First Row    `cbor:"1,keyasint,omitempty"`
	Count uint32 `cbor:"2,keyasint,omitempty"`
}

// Passage is the part of a document that is ranked and returned.
type Passage struct {
	ID       PassageID      `cbor:"-"` // derived from the key
	Row      Row            `cbor:"-"`
	Text     string         `cbor:"1,keyasint"`
	Headings []string       `cbor:"2,keyasint,omitempty"` // heading path, outermost first
	Span     freshness.Span `cbor:"3,keyasint"`           // in code points of the document's original text, [Start, End)
	// Statements are the passage's sentences prepared for comparison.
	Statements []freshness.Statement `cbor:"4,keyasint,omitempty"`
	// Runs say which of Text stands in the original word for word; nil = all of it, one to one.
	Runs []freshness.Run `cbor:"5,keyasint,omitempty"`
	// Vector is the passage's embedding, unit length, in the document's vector space; nil
	// if it has none. Snapshot.Passages leaves it out; Changes fills it.
	Vector []float32 `cbor:"-"`
}

// Container is a folder, space or site whose policy its documents and sub-containers
// inherit. It is named by source and id, as documents are, in a name space of its own.
type Container struct {
	DocumentID `cbor:"1,keyasint"`
	Version    int64       `cbor:"2,keyasint,omitempty"`
	Parent     string      `cbor:"3,keyasint,omitempty"` // "" = none
	Policy     *acl.Policy `cbor:"4,keyasint,omitempty"`
}
