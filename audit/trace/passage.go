package trace

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// look is all that is known when the passages of one retrieval are looked at.
type look struct {
	state   *indexer.State
	past    catalog.Snapshot // as it was; nil if that is no longer kept
	auditor acl.View
	asker   acl.View // what the caller of the retrieval may read now,
	known   bool     // if that can be told
	record  *audit.Record
	may     map[catalog.DocumentID]bool // what the auditor may read now, of what was looked at
}

// Kind is the sort of a change.
type Kind uint8

// The kinds of changes.
const (
	Deleted       Kind = 1 + iota // the document is not there any more
	Edited                        // it has another version
	Superseded                    // another document replaces it, as one of the two declares
	Revoked                       // the caller may no longer read it
	AccessChanged                 // who may read it was changed, and the caller still may
	Conflict                      // it contradicts another source of the retrieval, and did not then
	AccessUnknown                 // whether the caller may still read it cannot be told
)

// Change is one thing that has changed of a source.
type Change struct {
	Kind        Kind
	By          catalog.DocumentID // of Superseded and Conflict
	Version     int64              // of Edited and Deleted: what it is now
	ContentHash string             // of Edited
	// Before and After are, of Edited, what stood where the passage stood and what stands there
	// now; of Conflict, After is what contradicts what. Withheld is why they are not told.
	Before, After, Withheld string
	// Explained is, of Revoked, why.
	Explained *indexer.Explanation
}

// passage looks at one passage.
func (l *look) passage(ctx context.Context, s audit.Source) (p Passage, err error) {
	id := documentOf(s)
	p.Source = s
	now, err := l.state.Standing(ctx, id)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return p, err
	}
	then, kept, err := l.then(ctx, s)
	if err != nil {
		return p, err
	}
	p.Policy = policyOf(s, then, kept, now)
	if now.State != catalog.Present {
		p.Changes = append(p.Changes, Change{Kind: Deleted, Version: now.Version})
		return p, nil
	}
	if l.may[id], err = l.reads(ctx, id); err != nil {
		return p, err
	}
	if now.Version != s.Version {
		c := Change{Kind: Edited, Version: now.Version, ContentHash: hex.EncodeToString(now.ContentHash[:])}
		if p.Text, err = l.edited(ctx, s, kept, &c); err != nil {
			return p, err
		}
		p.Changes = append(p.Changes, c)
	} else if l.may[id] {
		text, err := l.state.Text(ctx, l.auditor, id)
		if err != nil {
			return p, err
		}
		p.Text = cut(text, s.Start, s.End)
	}
	by, err := l.superseded(ctx, s, now)
	if err != nil {
		return p, err
	}
	p.Changes = append(append(p.Changes, by...), l.access(id, s, now)...)
	return p, nil
}

// then is how the document stood, if the catalog still keeps that. A history that was lost
// and goes on from a backup may have something else under the revision's number: what is not
// the recorded version is not believed.
func (l *look) then(ctx context.Context, s audit.Source) (then catalog.Standing, kept bool, err error) {
	if l.past == nil {
		return then, false, nil
	}
	then, err = l.past.Standing(ctx, documentOf(s))
	if errors.Is(err, catalog.ErrNotFound) {
		return then, false, nil
	}
	kept = then.State == catalog.Present && then.Version == s.Version && hex.EncodeToString(then.ContentHash[:]) == s.ContentHash
	return then, kept && err == nil, err
}

// reads reports whether the auditor may read the document now.
func (l *look) reads(ctx context.Context, id catalog.DocumentID) (bool, error) {
	found, err := l.state.Documents(ctx, l.auditor, []catalog.DocumentID{id})
	return len(found) > 0, err
}

// edited fills in what stands in the place of the passage, and returns the passage as it was.
// The old text is shown only if the auditor may read the document now and what stood there
// then was for them too: what was taken out may have been why it was opened.
func (l *look) edited(ctx context.Context, s audit.Source, kept bool, c *Change) (quote string, err error) {
	id := documentOf(s)
	if !l.may[id] {
		c.Withheld = "you may not read the document"
		return "", nil
	}
	after, err := l.state.Text(ctx, l.auditor, id)
	if err != nil {
		return "", err
	}
	if !kept {
		c.Withheld = "the old version is no longer kept"
		return "", nil
	}
	before, err := l.past.Text(ctx, l.auditor, id)
	if errors.Is(err, catalog.ErrNotFound) {
		c.Withheld = "you could not have read the old version"
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c.Before, c.After = around(before, after, s.Start, s.End)
	return cut(before, s.Start, s.End), nil
}

// superseded lists the documents that declare now, and did not then, to replace this one, or that
// this one names as what replaces it.
func (l *look) superseded(ctx context.Context, s audit.Source, now catalog.Standing) (list []Change, err error) {
	id := documentOf(s)
	for _, by := range l.state.Table.Successors(id) {
		if l.past != nil {
			was, err := l.past.Standing(ctx, by)
			if err != nil && !errors.Is(err, catalog.ErrNotFound) {
				return nil, err
			}
			if err == nil && was.State == catalog.Present && slices.Contains(was.Supersedes, id) {
				continue
			}
		} else if s.State == "SUPERSEDED" {
			continue // by this one or by another: that can no longer be told
		}
		list = append(list, Change{Kind: Superseded, By: by})
	}
	var was catalog.Standing
	if l.past != nil {
		if was, err = l.past.Standing(ctx, id); err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return nil, err
		}
	}
	for _, by := range now.SupersededBy {
		known := slices.Contains(was.SupersededBy, by) || l.past == nil && s.State == "SUPERSEDED"
		if _, _, there := l.state.Table.Access(by); there && !known && !slices.ContainsFunc(list, func(c Change) bool { return c.By == by }) {
			list = append(list, Change{Kind: Superseded, By: by})
		}
	}
	return list, nil
}

// access says what has become of the caller's right to read the document.
func (l *look) access(id catalog.DocumentID, s audit.Source, now catalog.Standing) []Change {
	if !l.known {
		return []Change{{Kind: AccessUnknown}}
	}
	if e, ok := l.state.Table.Explain(id, l.asker); !ok || !e.Admitted {
		return []Change{{Kind: Revoked, Explained: &e}}
	}
	if s.Policies != "" && digest(now.Governed(id)) != s.Policies {
		return []Change{{Kind: AccessChanged}}
	}
	return nil
}

func digest(a acl.Access) string { return fmt.Sprintf("%x", a.Digest()) }
