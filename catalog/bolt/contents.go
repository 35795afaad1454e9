package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Contents implements catalog.Snapshot. It holds no transaction while the caller works; the
// snapshot's lease keeps what it has yet to yield.
//
// Walking the bucket of documents is the simple version: a page of it that is lost would be
// so many documents fewer, and nothing would notice. The entries of changes are checked as a
// set at opening, and each document has one for the newest record at or before the revision,
// for pruning takes none that a lease may ask for. So these are walked, as Changes does.
func (n *snapshot) Contents(ctx context.Context, view acl.View) iter.Seq2[catalog.DocumentChange, error] {
	return func(yield func(catalog.DocumentChange, error) bool) {
		for from := []byte{}; from != nil; {
			var page []catalog.DocumentChange
			start := from
			err := n.read(ctx, func(r *reader) (err error) {
				page, from, err = contentsPage(ctx, r, start, view)
				return err
			})
			if err != nil {
				yield(catalog.DocumentChange{}, fmt.Errorf("reading what a view admits: %w", err))
				return
			}
			for _, d := range page {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// bytesPerPage is how much of texts and vectors one transaction of Contents reads at most,
// which it exceeds by at most one document.
const bytesPerPage = 16 << 20

// contentsPage returns what the view admits from the key of changes on, and the key to go on
// from, nil at the end.
func contentsPage(ctx context.Context, r *reader, from []byte, view acl.View) (page []catalog.DocumentChange, next []byte, err error) {
	c := r.tx.Bucket([]byte(bucketChanges)).Cursor()
	k, v := c.Seek(from)
	for entries, passages, size := 0, 0, 0; k != nil; k, v = c.Next() {
		at, kind, key, ok := splitChangeKey(k)
		if !ok {
			return nil, nil, damaged(bucketChanges, k, "the key is not one of a change")
		}
		if at > r.at {
			return page, nil, nil
		}
		if entries == entriesPerPage || passages >= passagesPerPage || size >= bytesPerPage {
			return page, bytes.Clone(k), ctx.Err()
		}
		if entries++; kind != documents {
			continue
		}
		if _, err := unseal(bucketChanges, k, v); err != nil {
			return nil, nil, err
		}
		d, err := r.contents(at, key, view)
		if err != nil {
			return nil, nil, err
		}
		if d != nil {
			passages, size = passages+len(d.Passages), size+d.Size()
			page = append(page, *d)
		}
	}
	return page, nil, nil
}

// contents returns the document with its passages and vectors; nil if its record at the
// reader's revision is not of that revision, or the view does not admit it.
func (r *reader) contents(at catalog.Revision, key []byte, view acl.View) (*catalog.DocumentChange, error) {
	newest, payload, err := r.newest(documents, key)
	switch {
	case err != nil:
		return nil, err
	case newest == 0:
		return nil, errMoved // a tombstone that was dropped meanwhile
	case newest < at:
		return nil, damaged(bucketDocuments, recordKey(key, at), "it is missing")
	case newest > at:
		return nil, nil
	}
	named, err := decode[catalog.Document](bucketDocuments, recordKey(key, at), payload)
	if err != nil {
		return nil, err
	}
	d, err := r.admitted(view, named.DocumentID)
	if d == nil || err != nil {
		return nil, err
	}
	c := &catalog.DocumentChange{Document: *d, Passages: make([]catalog.Passage, d.Rows.Count)}
	for i := range c.Passages {
		if c.Passages[i], err = r.passage(d, i, true); err != nil {
			return nil, err
		}
	}
	return c, nil
}
