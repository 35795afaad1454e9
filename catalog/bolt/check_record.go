package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// record checks one record: its place, and what belongs to it.
func (c *check) record(kind kind) func(*reader, []byte, []byte) error {
	bucket := kind.bucket()
	return func(r *reader, k, v []byte) error {
		key, at, ok := splitRecordKey(k)
		if !ok || at == 0 {
			return damaged(bucket, k, "the key is not one of a record")
		}
		if at > c.head.head {
			return nil // added meanwhile
		}
		if r.exact(bucketChanges, changeKey(at, kind, key)) == nil {
			return damaged(bucket, k, "changes does not name it")
		}
		before, payload, err := history(bucket, k, v)
		if err != nil {
			return err
		}
		var shared content // of the newer record of this key
		if c.last.kind == kind && bytes.Equal(c.last.key, key) {
			if c.last.before != at {
				return damaged(bucket, k, "the record after it names another before it")
			}
			shared = c.last.content
		} else if err := c.problem(c.oldest()); err != nil {
			return err
		}
		first := c.last.key == nil
		c.last = visited{kind: kind, key: bytes.Clone(key), at: at, before: before}
		var name []byte
		source := ""
		switch kind {
		case groups:
			g, err := decode[group](bucket, k, payload)
			if err != nil {
				return err
			}
			name = groupKey(g.Group)
		case entries:
			e, err := decode[catalog.Entry](bucket, k, payload)
			if err != nil {
				return err
			}
			name = groupKey(e.Principal)
		case containers:
			record, err := decode[catalog.Container](bucket, k, payload)
			if err != nil {
				return err
			}
			name, source = idKey(record.DocumentID), record.Source
		case documents:
			d, err := decode[catalog.Document](bucket, k, payload)
			if err != nil {
				return err
			}
			c.last.content = contentOf(&d)
			if first {
				c.tally(&d)
			}
			if err := c.document(r, &d, k, at, shared); err != nil {
				return err
			}
			name, source = idKey(d.DocumentID), d.Source
		}
		if !bytes.Equal(name, key) {
			return damaged(bucket, k, "it is the record of another name")
		}
		if (kind == containers || kind == documents) && r.exact(bucketSources, appendName(nil, source)) == nil {
			return damaged(bucket, k, "its source is not registered")
		}
		return nil
	}
}

// visited is what is remembered of a record until the next.
type visited struct {
	kind    kind
	key     []byte
	at      catalog.Revision
	before  catalog.Revision // what the record names as the one before it
	content content
}

// oldest checks that the record visited last may be the oldest of its key: what it names
// as the one before it has been pruned, or there was none.
func (c *check) oldest() error {
	last := c.last
	c.last = visited{}
	if last.before == 0 || last.before < c.floor {
		return nil
	}
	return damaged(last.kind.bucket(), recordKey(last.key, last.at), "the record before it is missing")
}

// document checks a document's record and, once for each content, what the content needs.
func (c *check) document(r *reader, d *catalog.Document, k []byte, at catalog.Revision, shared content) error {
	if d.State != catalog.Present {
		if d.Rows.Count > 0 || d.ContentAt > 0 || d.VectorsAt > 0 {
			return damaged(bucketDocuments, k, "it has content but is not present")
		}
		return nil
	}
	if d.ContentAt == 0 || d.ContentAt > at || d.VectorsAt > at || uint64(d.Rows.First)+uint64(d.Rows.Count) > uint64(c.head.rows)+1 {
		return damaged(bucketDocuments, k, "its content lies in the future")
	}
	if d.VectorsAt > 0 && d.VectorsAt < d.ContentAt {
		return damaged(bucketDocuments, k, "its vectors are older than its content")
	}
	whole := d.ContentAt != shared.at
	if contentOf(d) == shared {
		return nil
	}
	if whole {
		if _, err := r.text(d); err != nil {
			return err
		}
		c.owed[bucketTexts]++
	}
	for ordinal := range int(d.Rows.Count) {
		p, err := r.passage(d, ordinal, true)
		if err != nil {
			return err
		}
		if whole {
			c.owed[bucketPassages]++
		}
		if p.Vector != nil || d.VectorsAt > 0 {
			c.owed[bucketVectors]++
		}
	}
	return nil
}

// text counts the texts that the head can name.
func (c *check) text(_ *reader, k, v []byte) error {
	if _, err := unseal(bucketTexts, k, v); err != nil {
		return err
	}
	if len(k) >= 8 && catalog.Revision(binary.BigEndian.Uint64(k)) <= c.head.head {
		c.counts[bucketTexts]++
	}
	return nil
}

// row counts the passages or vectors that the head can name.
func (c *check) row(bucket string) func(*reader, []byte, []byte) error {
	return func(_ *reader, k, v []byte) error {
		if _, err := unseal(bucket, k, v); err != nil {
			return err
		}
		if len(k) < 4 || binary.BigEndian.Uint32(k) > c.head.rows {
			return nil
		}
		if len(k) == 4 || len(k) == 12 && catalog.Revision(binary.BigEndian.Uint64(k[4:])) <= c.head.head {
			c.counts[bucket]++
		}
		return nil
	}
}

// sameGroup checks that two directories agree on a group and on the views of its members.
func sameGroup(k []byte, g group, a, b *acl.Directory) error {
	x, y := a.Members(g.Group), b.Members(g.Group)
	if (x == nil) != (y == nil) || !slices.Equal(x, y) {
		return damaged(bucketGroups, k, "the directory in memory has other members")
	}
	for _, member := range g.Members {
		id := acl.Identity{User: member, App: "service:check"}
		x, errX := a.View(id, time.Time{})
		y, errY := b.View(id, time.Time{})
		if errX != errY || x.Regardless().Digest() != y.Regardless().Digest() {
			return damaged(bucketGroups, k, "the directory in memory resolves a member to other groups")
		}
	}
	return nil
}
