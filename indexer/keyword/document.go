package keyword

import (
	"encoding/binary"
	"fmt"

	index "github.com/blevesearch/bleve_index_api"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// The fields of a passage in scorch.
const (
	idField      = "_id" // scorch's own: the row, by which a passage is replaced and removed
	textField    = "text"
	columnsField = "columns"
)

// passageID is the row in the form of a scorch document id: eight hexadecimal digits.
func passageID(row catalog.Row) string { return fmt.Sprintf("%08x", row) }

// passage is one entry in the form that scorch indexes. Nothing but the id is stored.
//
// What scoring needs to know of a document number, its row and its length, is not kept in
// stored fields or doc values, which would have to be read one by one, but as three terms
// in the columns field. These have few distinct values in a segment, so that reading the
// field's postings from end to end gives both columns of the segment at once.
type passage struct {
	row    catalog.Row
	fields [3]*field
}

// A columns term is one byte that says which column, and the value, big-endian. The row
// is split in two, because rows are all different and their halves are not.
const (
	rowHigh = 'h' // row >> rowBits
	rowLow  = 'l' // row & (1<<rowBits - 1)
	length  = 'n' // terms in the text
	rowBits = 12
)

func columnTerm(column byte, value uint32) string {
	return string(binary.BigEndian.AppendUint32([]byte{column}, value))
}

func newPassage(e indexer.Entry, idle analysts) *passage {
	p := &passage{row: e.Row}
	id := []byte(passageID(e.Row))
	text := &field{name: textField, options: index.IndexField, analyse: func() (index.TokenFrequencies, int) {
		a := idle.take()
		defer idle.give(a)
		return a.frequencies(e.Text)
	}}
	p.fields = [3]*field{
		text, // before the columns, which hold its length
		{name: columnsField, options: index.IndexField | index.SkipFreqNorm, analyse: func() (index.TokenFrequencies, int) {
			return index.TokenFrequencies{
				columnTerm(rowHigh, uint32(e.Row)>>rowBits):      {},
				columnTerm(rowLow, uint32(e.Row)&(1<<rowBits-1)): {},
				columnTerm(length, uint32(text.length)):          {},
			}, 3
		}},
		{name: idField, options: index.IndexField | index.StoreField, value: id, analyse: func() (index.TokenFrequencies, int) {
			once := &index.TokenFreq{}
			once.SetFrequency(1)
			return index.TokenFrequencies{string(id): once}, 1
		}},
	}
	return p
}

// failure is what a panic of the analysis said, nil if there was none.
func (p *passage) failure() any { return p.fields[0].failure }

// The methods of index.Document.

func (p *passage) ID() string { return passageID(p.row) }
func (p *passage) VisitFields(visit index.FieldVisitor) {
	for _, f := range p.fields {
		visit(f)
	}
}
func (p *passage) VisitComposite(index.CompositeFieldVisitor) {}
func (p *passage) HasComposite() bool                         { return false }
func (p *passage) NumPlainTextBytes() uint64                  { return 0 }
func (p *passage) AddIDField()                                {} // it is among the fields
func (p *passage) StoredFieldsBytes() uint64                  { return uint64(len(p.fields[2].value)) }
func (p *passage) Indexed() bool                              { return true }
func (p *passage) Size() int {
	n := 0
	for _, f := range p.fields {
		n += f.terms.Size()
	}
	return n
}

// field is one field of a passage. Scorch calls Analyze once, before it reads the rest.
type field struct {
	name    string
	options index.FieldIndexingOptions
	value   []byte // what is stored
	analyse func() (terms index.TokenFrequencies, length int)
	length  int
	terms   index.TokenFrequencies
	failure any // what a panic of the analysis said; the field then has no terms
}

// The methods of index.Field.

func (f *field) Name() string                                     { return f.name }
func (f *field) Value() []byte                                    { return f.value }
func (f *field) ArrayPositions() []uint64                         { return nil }
func (f *field) EncodedFieldType() byte                           { return 't' }
func (f *field) Options() index.FieldIndexingOptions              { return f.options }
func (f *field) AnalyzedLength() int                              { return f.length }
func (f *field) AnalyzedTokenFrequencies() index.TokenFrequencies { return f.terms }
func (f *field) NumPlainTextBytes() uint64                        { return 0 }
func (f *field) Analyze() {
	f.terms = index.TokenFrequencies{}
	// Scorch calls this on a goroutine of its own, where a panic over one odd text would
	// end the process.
	defer func() { f.failure = recover() }()
	f.terms, f.length = f.analyse()
}
