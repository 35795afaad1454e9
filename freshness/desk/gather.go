package desk

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// inView lists the documents of which passages are in view, by id.
func inView(v *indexer.Visible) (ids []catalog.DocumentID) {
	for i, c := range v.Chunks() {
		if c == nil {
			continue
		}
		for j, w := range c {
			for ; w != 0; w &= w - 1 {
				id := v.ID(catalog.Row(i*indexer.ChunkRows + j*64 + bits.TrailingZeros64(w))).Document
				if len(ids) == 0 || ids[len(ids)-1] != id {
					ids = append(ids, id)
				}
			}
		}
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return slices.Compact(ids)
}

// contents names what is in view: equal if and only if the same passages of the same versions
// are. No row is ever given to another passage.
func contents(v *indexer.Visible) (sum [32]byte) {
	h := sha256.New()
	var b []byte
	for i, c := range v.Chunks() {
		if c == nil || *c == (indexer.Chunk{}) {
			continue
		}
		b = binary.BigEndian.AppendUint64(b[:0], uint64(i))
		for _, w := range c {
			b = binary.BigEndian.AppendUint64(b, w)
		}
		h.Write(b)
	}
	h.Sum(sum[:0])
	return sum
}

// read calls f with the documents of the ids that the view admits, in order.
func read(ctx context.Context, state *indexer.State, view acl.View, ids []catalog.DocumentID, f func(catalog.Document) error) error {
	for part := range slices.Chunk(ids, batch) {
		documents, err := state.Documents(ctx, view, part)
		if err != nil {
			return err
		}
		for _, d := range documents {
			if err := f(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// passages reads the passages of a document that the view admits.
func passages(ctx context.Context, state *indexer.State, view acl.View, d catalog.Document) ([]catalog.Passage, error) {
	ids := make([]catalog.PassageID, d.Rows.Count)
	for i := range ids {
		ids[i] = catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: i}
	}
	return state.Passages(ctx, view, ids)
}

// material is passages that state something, as they are compared, and where each is from.
type material struct {
	sources    []freshness.Source
	at         []place
	statements int
}

// place is where a source of material stands.
type place struct {
	document catalog.DocumentID
	content  catalog.Revision
	span     freshness.Span
	runs     []freshness.Run
}

// add adds the passages of a document that state anything.
func (m *material) add(d catalog.Document, passages []catalog.Passage) {
	for _, p := range passages {
		if len(p.Statements) == 0 {
			continue
		}
		s := d.Compared()
		s.Section, s.Statements = strings.Join(p.Headings, "\x00"), p.Statements
		m.sources = append(m.sources, s)
		m.at = append(m.at, place{d.DocumentID, d.ContentAt, p.Span, p.Runs})
		m.statements += len(p.Statements)
	}
}

// found puts a conflict between two of the sources in terms of their documents, the first by id
// first. The sources must be in the order of their documents' ids.
func (m *material) found(c freshness.Contested) found {
	f := found{
		sentences: c.Sentences, tier: c.Tier, quantity: c.Kind, confidence: c.Confidence, explanation: c.Explanation,
		a: m.stated(c.A, c.SpanA, c.ValueSpanA, c.ValueA), b: m.stated(c.B, c.SpanB, c.ValueSpanB, c.ValueB),
	}
	f.id = idOf(f.a.document, f.b.document, c.Sentences)
	return f
}

func (m *material) stated(i int, span, value freshness.Span, written string) stated {
	at := m.at[i]
	s := stated{
		document: at.document, content: at.content, value: written,
		span: freshness.Origin(at.span, at.runs, span), valueSpan: freshness.Origin(at.span, at.runs, value),
	}
	for _, st := range m.sources[i].Statements {
		if st.Span == span {
			s.sentence = st.Text
		}
	}
	return s
}

// idOf names what two sentences contradict each other in, between two documents.
func idOf(first, second catalog.DocumentID, sentences [32]byte) [32]byte {
	var b []byte
	for _, part := range []string{first.Source, first.ID, second.Source, second.ID} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(append(b, sentences[:]...))
}
