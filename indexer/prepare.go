package indexer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
)

// Limits of one document.
const (
	MaxTextBytes = 16 << 20
	MaxPassages  = 10_000
	MaxLabels    = 256
)

// Refusal says why a mutation is not acceptable: which field, what is wrong, and a
// machine-readable reason in UPPER_SNAKE.
type Refusal struct {
	Reason  string
	Field   string
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Field + ": " + r.Message }

func refuse(reason, field, format string, args ...any) error {
	return &Refusal{reason, field, fmt.Sprintf(format, args...)}
}

// Prepare validates a mutation and does all work that needs no lock: a document is split,
// its sentences made comparable, its passages embedded. The result is for Submit. A
// *Refusal is the sender's to mend; any other error is not.
func (x *Indexer) Prepare(ctx context.Context, m catalog.Mutation) (catalog.Mutation, error) {
	switch m := m.(type) {
	case catalog.PutDocument:
		return x.prepareDocument(ctx, m)
	case catalog.PutAccess:
		return m, x.checkAccess("access", m.Access)
	case catalog.PutContainer:
		if m.Container.Parent == m.Container.ID {
			return nil, refuse("CONTAINER_CYCLE", "container.parent", "a container cannot lie in itself")
		}
		return m, checkPolicy("container.policy", m.Container.Policy)
	case catalog.PutGroup:
		return m, checkGroup(m)
	default:
		return m, nil
	}
}

func (x *Indexer) prepareDocument(ctx context.Context, m catalog.PutDocument) (catalog.Mutation, error) {
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
	d.Signature = freshness.Sign(m.Text)
	if len(m.Passages) == 0 {
		m.Passages = Split(d.MIME, m.Text)
	} else {
		locate(m.Text, m.Passages)
	}
	if len(m.Passages) > MaxPassages {
		return nil, refuse("TOO_MANY_PASSAGES", "document.text", "splits into %d passages, at most %d", len(m.Passages), MaxPassages)
	}
	for i := range m.Passages {
		m.Passages[i].Statements = freshness.Prepare(m.Passages[i].Text)
	}
	if d.VectorSpace == "" {
		return m, x.embed(ctx, &m)
	}
	return m, nil
}

// embed gives every passage a vector of the server's own space.
func (x *Indexer) embed(ctx context.Context, m *catalog.PutDocument) error {
	texts := make([]string, len(m.Passages))
	for i, p := range m.Passages {
		texts[i] = searchable(m.Document.Title, p)
	}
	vectors, err := x.Embedder.Embed(ctx, texts)
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	for i := range m.Passages {
		m.Passages[i].Vector = vectors[i]
	}
	m.Document.VectorSpace = x.Space.ID
	return nil
}

func (x *Indexer) checkDocument(m *catalog.PutDocument) error {
	d := &m.Document
	switch {
	case len(m.Text) > MaxTextBytes:
		return refuse("TEXT_TOO_LONG", "document.text", "%d bytes, at most %d", len(m.Text), MaxTextBytes)
	case d.MIME == "":
		d.MIME = "text/plain"
	case d.MIME != "text/plain" && d.MIME != "text/markdown":
		return refuse("UNSUPPORTED_MIME", "document.mime", "%q, not text/plain or text/markdown", d.MIME)
	}
	if len(d.Labels) > MaxLabels {
		return refuse("TOO_MANY_LABELS", "document.labels", "%d labels, at most %d", len(d.Labels), MaxLabels)
	}
	if d.Owner != "" {
		if err := d.Owner.Validate(); err != nil {
			return refuse("INVALID_PRINCIPAL", "document.owner", "%v", err)
		}
	}
	if d.Verified != (catalog.Verification{}) {
		if err := d.Verified.By.Validate(); err != nil {
			return refuse("INVALID_PRINCIPAL", "document.verified.by", "%v", err)
		}
	}
	if !d.ValidFrom.IsZero() && !d.ValidUntil.IsZero() && !d.ValidFrom.Before(d.ValidUntil) {
		return refuse("INVALID_INTERVAL", "document.valid_until", "must be after valid_from")
	}
	for i, id := range d.Supersedes {
		if id == d.DocumentID {
			return refuse("SUPERSEDES_ITSELF", fmt.Sprintf("document.supersedes[%d]", i), "a document cannot supersede itself")
		}
	}
	if err := x.checkVectors(m); err != nil {
		return err
	}
	return x.checkAccess("document", m.Access)
}

// checkVectors refuses vectors that cannot be compared: of an undeclared space, of the
// wrong size, or not of numbers. What passes is brought to unit length.
func (x *Indexer) checkVectors(m *catalog.PutDocument) error {
	supplied := 0
	for _, p := range m.Passages {
		if len(p.Vector) > 0 {
			supplied++
		}
	}
	space := m.Document.VectorSpace
	if supplied == 0 {
		if space != "" {
			return refuse("MISSING_VECTOR", "document.vector_space", "is named, but no passage has a vector")
		}
		return nil
	}
	i := slices.IndexFunc(x.Spaces, func(s Space) bool { return s.ID == space })
	if i < 0 {
		return refuse("UNKNOWN_VECTOR_SPACE", "document.vector_space", "%q is not among the configured vector spaces", space)
	}
	for j, p := range m.Passages {
		field := fmt.Sprintf("document.passages[%d].vector", j)
		if len(p.Vector) != x.Spaces[i].Dimensions {
			return refuse("VECTOR_SIZE", field, "%d numbers, %q has %d", len(p.Vector), space, x.Spaces[i].Dimensions)
		}
		unit, ok := unitLength(p.Vector)
		if !ok {
			return refuse("VECTOR_NOT_FINITE", field, "must be finite numbers, not all zero")
		}
		m.Passages[j].Vector = unit
	}
	return nil
}

func unitLength(v []float32) ([]float32, bool) {
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	norm := math.Sqrt(sum)
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, false
	}
	unit := make([]float32, len(v))
	for i, f := range v {
		unit[i] = float32(float64(f) / norm)
	}
	return unit, true
}

func (x *Indexer) checkAccess(field string, p catalog.AccessPatch) error {
	if p.Sensitivity != nil && !x.Scale.Knows(*p.Sensitivity) {
		return refuse("UNKNOWN_SENSITIVITY", field+".sensitivity", "%q is not one of %s", *p.Sensitivity, strings.Join(x.Scale, ", "))
	}
	return checkPolicy(field+".policy", p.Policy)
}

func checkPolicy(field string, p *acl.Policy) error {
	if err := p.Validate(); err != nil {
		return refuse("INVALID_POLICY", field, "%v", err)
	}
	return nil
}

func checkGroup(m catalog.PutGroup) error {
	if m.Group.Kind() != acl.Group {
		return refuse("INVALID_PRINCIPAL", "group.name", "%q is not a group", m.Group)
	}
	if len(m.Members) > acl.MaxMembers {
		return refuse("TOO_MANY_MEMBERS", "group.members", "%d members, at most %d", len(m.Members), acl.MaxMembers)
	}
	for i, p := range m.Members {
		if k := p.Kind(); k == acl.Invalid || k == acl.All {
			return refuse("INVALID_PRINCIPAL", fmt.Sprintf("group.members[%d]", i), "must be a user, a service or a group")
		}
	}
	return nil
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
	d.LineHash, d.ContentHash, d.Signature = sum, sum, nil
	type passage struct {
		Text     string
		Headings []string
		Vector   []float32
	}
	var passages []passage
	for _, p := range m.Passages {
		passages = append(passages, passage{p.Text, p.Headings, p.Vector})
	}
	b, err := canonical.Marshal([]any{d, m.Text, passages})
	if err != nil {
		return sum, fmt.Errorf("hashing the document: %w", err)
	}
	return sha256.Sum256(b), nil
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
