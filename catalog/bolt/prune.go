package bolt

import (
	"bytes"
	"errors"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/muniment/muniment/catalog"
)

// pruneAtLeast is how many entries of changes a commit looks at, at the least; beyond it,
// twice what the commit itself has written, so that pruning keeps pace.
const pruneAtLeast = 256

// prune removes records that no reader can ask for any more. A record may go once a newer
// one of the same key is at or below the horizon, which is the lowest lease or the end of
// the retention. So it walks changes up to the horizon, from where the last commit
// stopped, and removes what each entry has superseded. The newest record of a key is never
// removed: a tombstone stays until it is collected.
func (s *Store) prune(tx *bbolt.Tx, st *state, work int) error {
	horizon, run := s.horizon(st.Head)
	if !run {
		return nil
	}
	st.Floor = max(st.Floor, horizon)

	// The entries are collected first: a cursor does not survive changes to its bucket.
	budget := max(pruneAtLeast, 2*work)
	var entries [][]byte
	c := tx.Bucket([]byte(bucketChanges)).Cursor()
	k, _ := c.Seek(append(bytes.Clone(st.Pruned), 0)) // the next key
	for ; k != nil && len(entries) < budget; k, _ = c.Next() {
		if at, _, _, ok := splitChangeKey(k); ok && at > horizon {
			break
		}
		entries = append(entries, bytes.Clone(k))
	}
	for _, entry := range entries {
		if budget <= 0 {
			break
		}
		removed, err := supersede(tx, st, entry)
		if errors.Is(err, catalog.ErrDamaged) || errors.Is(err, bolterrors.ErrIncompatibleValue) {
			// Nothing new can be wrong because old records stay; refusing every commit is worse.
			s.log.Error("pruning the history: left a damaged record", "error", err)
		} else if err != nil {
			return err
		}
		budget -= 1 + removed
		st.Pruned = entry
		// failpoint: catalog/pruned
	}
	return nil
}

// horizon returns the newest revision up to which superseded records may go, and makes it
// the oldest that can be leased. No revision below a lease or within the retention of the
// head is touched.
func (s *Store) horizon(head catalog.Revision) (_ catalog.Revision, run bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if head <= s.retention || s.paused > 0 {
		return 0, false
	}
	horizon := head - s.retention
	for at := range s.leases {
		horizon = min(horizon, at)
	}
	s.floor = max(s.floor, horizon)
	return horizon, true
}

// supersede removes what is older than the change: records of the same key, their entries
// in changes, and contents that no record names any more. It returns how many values it
// has removed.
func supersede(tx *bbolt.Tx, st *state, entry []byte) (removed int, err error) {
	at, kind, key, ok := splitChangeKey(entry)
	if !ok {
		return 0, damaged(bucketChanges, entry, "the key is not one of a change")
	}
	records := tx.Bucket([]byte(kind.bucket()))
	var old, values [][]byte
	c := records.Cursor()
	newest := recordKey(key, at)
	k, v := c.Seek(newest)
	if !bytes.Equal(k, newest) {
		return 0, damaged(kind.bucket(), newest, "it is missing")
	}
	for ; len(k) == len(newest) && bytes.HasPrefix(k, key); k, v = c.Next() {
		old, values = append(old, bytes.Clone(k)), append(values, bytes.Clone(v))
	}
	if len(old) == 1 { // the change itself
		return 0, nil
	}
	if kind == documents {
		if removed, err = forgetContents(tx, key, old, values); err != nil {
			return removed, err
		}
	}
	for _, k := range old[1:] {
		_, was, _ := splitRecordKey(k)
		if err := records.Delete(k); err != nil {
			return removed, err
		}
		change := changeKey(was, kind, key)
		if err := tx.Bucket([]byte(bucketChanges)).Delete(change); err != nil {
			return removed, err
		}
		st.Sum -= hashKey(bucketChanges, change)
		removed += 2
	}
	return removed, nil
}

// forgetContents removes the texts, passages and vectors of a document's records, given
// from the newest on, that the newest does not share. Records of one content follow each
// other, and within it those with the same vectors.
func forgetContents(tx *bbolt.Tx, key []byte, keys, values [][]byte) (removed int, err error) {
	var kept []catalog.Document
	for i := range keys {
		_, payload, err := history(bucketDocuments, keys[i], values[i])
		if err != nil {
			return 0, err // before anything is removed
		}
		d, err := decode[catalog.Document](bucketDocuments, keys[i], payload)
		if err != nil {
			return 0, err
		}
		kept = append(kept, d)
	}
	texts, passages, vectors := tx.Bucket([]byte(bucketTexts)), tx.Bucket([]byte(bucketPassages)), tx.Bucket([]byte(bucketVectors))
	newer := contentOf(&kept[0])
	for i := range kept[1:] {
		d := &kept[1+i]
		this := contentOf(d)
		if d.State != catalog.Present || this == newer {
			continue
		}
		whole := this.at != newer.at // or the newer record has other vectors for it
		newer = this
		if whole {
			if err := texts.Delete(textKey(d.ContentAt, key)); err != nil {
				return removed, err
			}
			removed++
		}
		for i := range d.Rows.Count {
			row := d.Rows.First + catalog.Row(i)
			if err := vectors.Delete(vectorKey(row, d.VectorsAt)); err != nil {
				return removed, err
			}
			removed++
			if !whole {
				continue
			}
			if err := passages.Delete(rowKey(row)); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// content tells the content of a document's records from others', and its vectors.
type content struct{ at, vectors catalog.Revision }

func contentOf(d *catalog.Document) content { return content{d.ContentAt, d.VectorsAt} }
