package bolt

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// What a sync session has seen is a bucket of marks: the number of the session, the key of
// the document, and nothing as the value. So a document is marked by writing a few bytes,
// once, and a session is forgotten by forgetting its number. Its marks then go bit by bit
// with the commits that follow (see clean).

// ended is a session whose marks are still to be removed.
type ended struct {
	_      struct{} `cbor:",toarray"`
	Number uint64
	Marks  int
}

func markKey(session uint64, document []byte) []byte { return append(uint64Key(session), document...) }

// splitMarkKey undoes markKey.
func splitMarkKey(k []byte) (session uint64, document []byte, ok bool) {
	if len(k) < 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(k), k[8:], true
}

// begin gives the source's new session a number, after which nothing is marked.
func (b *batch) begin(of *source) {
	if of.Number != 0 {
		b.end(of)
	}
	b.st.Sessions++
	of.Number, of.marks = b.st.Sessions, map[string]bool{}
}

// end leaves the marks of the source's session to be cleaned up.
func (b *batch) end(of *source) {
	if stored := of.Seen - len(of.marks); stored > 0 {
		b.st.Ended = append(b.st.Ended, ended{Number: of.Number, Marks: stored})
	}
	of.Number, of.marks = 0, nil
}

// marked reports whether the session of the source has seen the document.
func (b *batch) marked(of *source, id catalog.DocumentID) (bool, error) {
	if of.Number == 0 {
		return false, nil
	}
	document := idKey(id)
	if of.marks[string(document)] {
		return true, nil
	}
	key := markKey(of.Number, document)
	v := b.head.exact(bucketSeen, key)
	if v == nil {
		return false, nil
	}
	_, err := unseal(bucketSeen, key, v)
	return true, err
}

// mark notes that the session of the source has seen the document.
func (b *batch) mark(of *source, id catalog.DocumentID) error {
	marked, err := b.marked(of, id)
	if marked || err != nil {
		return err
	}
	r, err := b.register(id)
	if err != nil {
		return err
	}
	if of.marks == nil {
		of.marks = map[string]bool{}
	}
	of.marks[string(idKey(id))] = true
	of.Count(r.document.State, r.document.State, false, true)
	return nil
}

// sweep deletes what is present of the source and not marked, and returns it as it was.
func (b *batch) sweep(of *source) (removed []catalog.Document, err error) {
	ids, err := b.unseen(of)
	if err != nil {
		return nil, err
	}
	if len(ids) != of.Unseen {
		return nil, damaged(bucketSources, appendName(nil, of.Name), "it counts another number of unseen documents")
	}
	for _, id := range ids {
		r, err := b.register(id)
		if err != nil {
			return nil, err
		}
		removed = append(removed, r.document)
		r.document, r.content, r.vectors = r.document.Tombstone(r.document.Version, b.at), nil, nil
		if err := b.changes(of, r, catalog.Present); err != nil {
			return nil, err
		}
	}
	return removed, nil
}

// unseen returns the documents of the source that are present and not marked, in order. It
// walks the keys of documents and of marks side by side, and decodes only what has no mark.
func (b *batch) unseen(of *source) (ids []catalog.DocumentID, err error) {
	marks := newMarkWalk(b.tx, of.Number)
	prefix := appendName(nil, of.Name)
	var last []byte
	c := b.tx.Bucket([]byte(bucketDocuments)).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		key, _, ok := splitRecordKey(k)
		if !ok {
			return nil, damaged(bucketDocuments, k, "the key is not one of a record")
		}
		if bytes.Equal(key, last) {
			continue // an older record
		}
		last = key
		if marks.at(key) || of.marks[string(key)] {
			continue
		}
		at, payload, err := b.head.newest(documents, key)
		if err != nil {
			return nil, err
		}
		d, err := decode[catalog.Document](bucketDocuments, recordKey(key, at), payload)
		if err != nil {
			return nil, err
		}
		if r := b.documents[d.DocumentID]; r != nil {
			d = r.document
		}
		if d.State == catalog.Present {
			ids = append(ids, d.DocumentID)
		}
	}
	if stored := of.Seen - len(of.marks); marks.end() != stored {
		return nil, damaged(bucketSeen, uint64Key(of.Number), "marks of the session are missing")
	}
	for _, id := range slices.SortedFunc(maps.Keys(b.documents), catalog.DocumentID.Compare) {
		if id.Source != of.Name || b.documents[id].document.State != catalog.Present || b.head.table.at(documents, idKey(id)) != 0 {
			continue
		}
		if marked, err := b.marked(of, id); err != nil {
			return nil, err
		} else if !marked { // added by this commit
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return ids, nil
}

// markWalk walks the marks of a session in the order of documents.
type markWalk struct {
	cursor *bbolt.Cursor
	prefix []byte
	key    []byte
	passed int
}

func newMarkWalk(tx *bbolt.Tx, session uint64) *markWalk {
	w := &markWalk{cursor: tx.Bucket([]byte(bucketSeen)).Cursor(), prefix: uint64Key(session)}
	w.key, _ = w.cursor.Seek(w.prefix)
	return w
}

// at reports whether the document has a mark. Documents must be asked for in order.
func (w *markWalk) at(document []byte) bool {
	for bytes.HasPrefix(w.key, w.prefix) {
		order := bytes.Compare(w.key[len(w.prefix):], document)
		if order > 0 {
			return false
		}
		w.passed++
		w.key, _ = w.cursor.Next()
		if order == 0 {
			return true
		}
	}
	return false
}

// end walks the rest and returns how many marks there are.
func (w *markWalk) end() int {
	for ; bytes.HasPrefix(w.key, w.prefix); w.key, _ = w.cursor.Next() {
		w.passed++
	}
	return w.passed
}

// clean removes marks of ended sessions, at most so many.
func clean(tx *bbolt.Tx, st *state, budget int) error {
	bucket := tx.Bucket([]byte(bucketSeen))
	for len(st.Ended) > 0 && budget > 0 {
		session := &st.Ended[0]
		prefix := uint64Key(session.Number)
		var keys [][]byte // a cursor does not survive changes to its bucket
		c := bucket.Cursor()
		k, _ := c.Seek(prefix)
		for ; bytes.HasPrefix(k, prefix) && len(keys) < budget; k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		for _, key := range keys {
			if err := bucket.Delete(key); err != nil {
				return err
			}
		}
		budget -= max(1, len(keys))
		session.Marks -= len(keys)
		if !bytes.HasPrefix(k, prefix) {
			st.Ended = slices.Delete(st.Ended, 0, 1)
		}
	}
	return nil
}
