package indexer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer/extract"
)

// Prepare validates a mutation and does all work that needs no lock: Draft, then Embed.
// The result is for Submit. A *Refusal is the sender's to mend; any other error is not.
func (x *Indexer) Prepare(ctx context.Context, m catalog.Mutation) (catalog.Mutation, error) {
	m, err := x.Draft(m)
	if err != nil {
		return nil, err
	}
	return x.Embed(ctx, m)
}

// Draft is the part of Prepare that needs a processor and waits for nobody: a document is
// split and its sentences made comparable. It is left waiting for its vectors.
func (x *Indexer) Draft(m catalog.Mutation) (catalog.Mutation, error) {
	switch m := m.(type) {
	case catalog.PutDocument:
		return x.draftDocument(m)
	case catalog.PutAccess:
		return m, x.checkAccess("access", m.Access)
	case catalog.PutContainer:
		if m.Container.Parent == m.Container.ID {
			return nil, refuse("CONTAINER_CYCLE", "container.parent", "a container cannot lie in itself")
		}
		return m, checkPolicy("container.policy", m.Container.Policy)
	case catalog.PutGroup:
		return m, checkGroup("group.", m.Group, m.Members)
	case catalog.PutEntry:
		return m, checkEntry(m)
	default:
		return m, nil
	}
}

func (x *Indexer) draftDocument(m catalog.PutDocument) (catalog.Mutation, error) {
	if err := x.checkDocument(&m); err != nil {
		return nil, err
	}
	d := &m.Document
	if m.Text == "" && len(m.Passages) > 0 {
		m.Text = joined(m.Passages)
	}
	hash, err := lineHash(m)
	if err != nil {
		return nil, err
	}
	d.LineHash, d.ContentHash = hash, sha256.Sum256([]byte(m.Text))
	seen := extract.Extract(d.MIME, m.Text)
	d.Signature, d.Hidden = freshness.Sign(seen.Plain), seen.Hidden
	if len(m.Passages) == 0 {
		m.Passages = split(&seen)
	} else {
		locate(m.Text, m.Passages)
		d.Hidden += uncover(m.Passages)
	}
	var hidden int
	d.Title, hidden = extract.Visible(d.Title)
	d.Hidden += hidden
	declare(d, freshness.Declared(d.ID, d.Title, m.Text))
	if len(m.Passages) > MaxPassages {
		return nil, refuse("TOO_MANY_PASSAGES", "document.text", "splits into %d passages, at most %d", len(m.Passages), MaxPassages)
	}
	for i := range m.Passages {
		m.Passages[i].Statements = freshness.Prepare(m.Passages[i].Text)
	}
	d.Pending = d.VectorSpace == "" && len(m.Passages) > 0
	return m, nil
}

// canonical encodes equal values to equal bytes and different ones to different bytes,
// times to the nanosecond. (By default times are cut to seconds.)
var canonical = func() cbor.EncMode {
	options := cbor.CoreDetEncOptions()
	options.Time = cbor.TimeRFC3339NanoUTC
	mode, err := options.EncMode()
	if err != nil {
		panic("indexer: " + err.Error()) // the options are fixed
	}
	return mode
}()

// lineHash covers all content fields as the sender gave them, so that a version that is
// sent again can be told from one that is used again.
func lineHash(m catalog.PutDocument) (sum [sha256.Size]byte, err error) {
	d := m.Document
	d.LineHash, d.ContentHash, d.Signature, d.Hidden, d.Settlements = sum, sum, nil, 0, nil
	type passage struct {
		Text     string
		Headings []string
		Vector   []float32
	}
	var passages []passage
	for _, p := range m.Passages {
		passages = append(passages, passage{p.Text, p.Headings, p.Vector})
	}
	h := sha256.New()
	if err := canonical.NewEncoder(h).Encode([]any{d, m.Text, passages}); err != nil {
		return sum, fmt.Errorf("hashing the document: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// declare adds what the document says of itself in its text. It comes after the hash of the line:
// who reads more of a text one day must not take a line that is sent again for another.
func declare(d *catalog.Document, said freshness.Declaration) {
	add := func(to []catalog.DocumentID, source, id string) []catalog.DocumentID {
		ref := catalog.DocumentID{Source: source, ID: id}
		if ref == d.DocumentID || slices.Contains(to, ref) {
			return to
		}
		return append(slices.Clip(to), ref)
	}
	for _, id := range said.ReplacedBy {
		d.SupersededBy = add(d.SupersededBy, d.Source, id)
		if strings.Contains(id, "://") && id != d.URI {
			d.SupersededBy = add(d.SupersededBy, "", id) // whatever stands there
		}
	}
	for _, id := range said.Replaces {
		d.Supersedes = add(d.Supersedes, d.Source, id)
	}
}

func joined(passages []catalog.Passage) string {
	parts := make([]string, len(passages))
	for i, p := range passages {
		parts[i] = p.Text
	}
	return strings.Join(parts, "\n\n")
}

// locateBytes bounds the text that locate looks through, over all passages.
const locateBytes = 64 << 20

// locate finds supplied passages in the text, in order; one that does not stand there
// verbatim after the one before keeps an empty span. Searching on from the last place
// found is linear for passages in order; each that is nowhere costs a look at the rest of
// the text, so there is a bound, after which none is found.
func locate(doc string, passages []catalog.Passage) {
	from, runes := 0, 0 // the last place found, in bytes and in code points
	for i, left := 0, locateBytes; i < len(passages) && left > 0; i++ {
		p := &passages[i]
		at := strings.Index(doc[from:], p.Text)
		if at < 0 {
			left -= len(doc) - from
			continue
		}
		left -= at
		runes += utf8.RuneCountInString(doc[from : from+at])
		from += at
		p.Span.Start, p.Span.End = runes, runes+utf8.RuneCountInString(p.Text)
		_, first := utf8.DecodeRuneInString(p.Text)
		from, runes = from+first, runes+1 // an equal passage is another one
	}
}

// uncover leaves out of supplied passages, and of the headings above them, the characters
// that have no shape. It returns how many were in texts that are not the document's, where
// nobody has counted them yet.
func uncover(passages []catalog.Passage) (hidden int) {
	for i := range passages {
		p := &passages[i]
		p.Headings = slices.Clone(p.Headings)
		for j := range p.Headings {
			p.Headings[j], _ = extract.Visible(p.Headings[j])
		}
		seen := extract.Extract("text/plain", p.Text)
		if seen.Plain == p.Text {
			continue
		}
		if p.Span == (freshness.Span{}) {
			hidden += seen.Hidden
		} else {
			begin := p.Span.Start
			p.Span, p.Runs = seen.Locator().Locate(0, len(seen.Plain))
			p.Span.Start, p.Span.End = begin+p.Span.Start, begin+p.Span.End
		}
		p.Text = seen.Plain
	}
	return hidden
}
