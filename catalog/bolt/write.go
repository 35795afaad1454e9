package bolt

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// full is how far pages are filled in buckets whose keys only rise. There nothing is put
// between two keys later, so room for it would stay empty.
const full = 0.95

// write stores what the mutations have left, in the order of keys, so that neighbours
// share pages.
func (b *batch) write(st *state) error {
	for _, name := range []string{bucketTexts, bucketPassages, bucketVectors, bucketChanges, bucketOutbox, bucketExpiries} {
		b.tx.Bucket([]byte(name)).FillPercent = full
	}
	for _, id := range slices.SortedFunc(maps.Keys(b.containers), catalog.DocumentID.Compare) {
		if err := b.record(st, containers, idKey(id), b.containers[id]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.groups)) {
		if err := b.record(st, groups, groupKey(name), group{name, b.groups[name]}); err != nil {
			return err
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(b.documents), catalog.DocumentID.Compare) {
		r := b.documents[id]
		switch {
		case r.dropped && !r.changed:
			if err := b.drop(st, id, r); err != nil {
				return err
			}
			continue
		case !r.changed:
			continue
		}
		if err := b.moveTombstone(id, r); err != nil {
			return err
		}
		if err := b.record(st, documents, idKey(id), r.document); err != nil {
			return err
		}
		if err := b.content(r); err != nil {
			return err
		}
	}
	for _, p := range slices.Sorted(maps.Keys(b.entries)) {
		if err := b.record(st, entries, groupKey(p), b.entries[p]); err != nil {
			return err
		}
	}
	if len(b.dropped) > 0 {
		st.Drops++
	}
	if err := b.writeSources(st); err != nil {
		return err
	}
	if err := b.remember(st); err != nil {
		return err
	}
	for _, body := range b.outbox {
		st.Sequence++
		if err := b.raw(bucketOutbox, uint64Key(st.Sequence), body); err != nil {
			return err
		}
	}
	return nil
}

// record stores a record with the revision of the one before, and says in changes that it
// is there.
func (b *batch) record(st *state, k kind, key []byte, value any) error {
	encoded, err := encoding.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding for bucket %s: %w", k.bucket(), err)
	}
	payload := append(uint64Key(uint64(b.head.table.at(k, key))), encoded...)
	if err := b.raw(k.bucket(), recordKey(key, b.revision), payload); err != nil {
		return err
	}
	change := changeKey(b.revision, k, key)
	st.Sum += hashKey(bucketChanges, change)
	b.records = append(b.records, recordName{k, key})
	b.work++
	return b.raw(bucketChanges, change, nil)
}

func (b *batch) raw(bucket string, key, payload []byte) error {
	return b.tx.Bucket([]byte(bucket)).Put(key, seal(bucket, key, payload))
}

// writeSources stores the sources that changed and what their sessions have seen.
func (b *batch) writeSources(st *state) error {
	for _, name := range sortedKeys(b.sources) {
		s := b.sources[name]
		if !s.changed {
			continue
		}
		if err := s.write(b.tx, st); err != nil {
			return err
		}
		for _, document := range sortedKeys(s.marks) {
			if err := b.raw(bucketSeen, markKey(s.Number, []byte(document)), nil); err != nil {
				return err
			}
		}
		b.work += len(s.marks)
	}
	return clean(b.tx, st, max(pruneAtLeast, 2*b.work))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// content stores the text and the passages of a document whose content was replaced, and
// the vectors of one that was given others.
func (b *batch) content(r *register) error {
	for i, v := range r.vectors {
		key := vectorKey(r.document.Rows.First+catalog.Row(i), r.document.VectorsAt)
		if err := b.raw(bucketVectors, key, vectorBytes(v)); err != nil {
			return err
		}
	}
	b.work += len(r.vectors)
	d, m := &r.document, r.content
	if m == nil {
		return nil
	}
	if err := b.raw(bucketTexts, textKey(d.ContentAt, idKey(d.DocumentID)), []byte(m.Text)); err != nil {
		return err
	}
	of := home(d.DocumentID, d.Version)
	for i, p := range m.Passages {
		if d.VectorsAt != 0 {
			p.Vector = nil // nobody could ask for it
		}
		key := rowKey(d.Rows.First + catalog.Row(i))
		stored := passage{Home: of, Ordinal: i, Dimensions: len(p.Vector), Passage: p}
		if err := put(b.tx, bucketPassages, key, stored); err != nil {
			return err
		}
		if len(p.Vector) > 0 {
			if err := b.raw(bucketVectors, key, vectorBytes(p.Vector)); err != nil {
				return err
			}
		}
	}
	b.work += len(m.Passages)
	return nil
}

func vectorBytes(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}
