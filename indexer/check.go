package indexer

import (
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
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

func (x *Indexer) checkDocument(m *catalog.PutDocument) error {
	d := &m.Document
	if len(m.Text) > MaxTextBytes {
		return refuse("TEXT_TOO_LONG", "document.text", "%d bytes, at most %d", len(m.Text), MaxTextBytes)
	}
	if d.MIME == "" {
		d.MIME = "text/plain"
	}
	if err := checkMIME(d); err != nil {
		return err
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
	for i, id := range d.SupersededBy {
		if id == d.DocumentID {
			return refuse("SUPERSEDES_ITSELF", fmt.Sprintf("document.superseded_by[%d]", i), "a document cannot supersede itself")
		}
	}
	if err := x.checkVectors(m); err != nil {
		return err
	}
	return x.checkAccess("document", m.Access)
}

// checkMIME leaves of the media type what says how to read the text.
func checkMIME(d *catalog.Document) error {
	base, params, err := mime.ParseMediaType(d.MIME)
	switch base {
	case "text/plain", "text/markdown", "text/html":
	default:
		err = errors.New("another type")
	}
	if err != nil {
		return refuse("UNSUPPORTED_MIME", "document.mime", "%q, not text/plain, text/markdown or text/html", d.MIME)
	}
	switch charset := params["charset"]; strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		return refuse("UNSUPPORTED_MIME", "document.mime", "the character set is %q: convert the text to utf-8", charset)
	}
	d.MIME = base
	return nil
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

// checkEntry refuses what decides on nobody.
func checkEntry(m catalog.PutEntry) error {
	switch m.Entry.Principal.Kind() {
	case acl.User:
		return nil
	case acl.Group:
		return checkGroup("", m.Entry.Principal, m.Members)
	}
	return refuse("INVALID_PRINCIPAL", "principal", "%q is neither a user nor a group", m.Entry.Principal)
}

// checkGroup names fields below the prefix.
func checkGroup(prefix string, name acl.Principal, members []acl.Principal) error {
	if name.Kind() != acl.Group {
		return refuse("INVALID_PRINCIPAL", prefix+"name", "%q is not a group", name)
	}
	if len(members) > acl.MaxMembers {
		return refuse("TOO_MANY_MEMBERS", prefix+"members", "%d members, at most %d", len(members), acl.MaxMembers)
	}
	for i, p := range members {
		if k := p.Kind(); k == acl.Invalid || k == acl.All {
			return refuse("INVALID_PRINCIPAL", fmt.Sprintf("%smembers[%d]", prefix, i), "must be a user, a service or a group")
		}
	}
	return nil
}
