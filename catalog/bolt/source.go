package bolt

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Source is what the store knows of a source system. A source registers itself with the
// first of its lines that changes something.
type Source struct {
	Name  string    `cbor:"1,keyasint"`
	First time.Time `cbor:"2,keyasint,omitzero"` // of its changes
	Last  time.Time `cbor:"3,keyasint,omitzero"`
}

// Sources returns the sources heard of, by name.
func (s *Store) Sources(ctx context.Context) ([]Source, error) {
	var found []Source
	err := s.read(ctx, func(tx *bbolt.Tx) error {
		found = nil
		return tx.Bucket([]byte(bucketSources)).ForEach(func(k, v []byte) error {
			source, err := unsealed[Source](bucketSources, k, v)
			found = append(found, source)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	return found, nil
}

// source notes that the commit has changed something of the source.
func (b *batch) source(name string) error {
	key := appendName(nil, name)
	source := Source{Name: name, First: b.at}
	if v := b.tx.Bucket([]byte(bucketSources)).Get(key); v != nil {
		var err error
		if source, err = unsealed[Source](bucketSources, key, v); err != nil {
			return err
		}
	}
	source.Last = b.at
	return put(b.tx, bucketSources, key, source)
}
