package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// Sources implements catalog.Store.
func (s *Store) Sources(ctx context.Context) ([]catalog.Source, error) {
	var found []catalog.Source
	err := s.read(ctx, func(tx *bbolt.Tx) error {
		found = nil
		return tx.Bucket([]byte(bucketSources)).ForEach(func(k, v []byte) error {
			source, err := unsealed[catalog.Source](bucketSources, k, v)
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
	source := catalog.Source{Name: name, First: b.at}
	if v := b.tx.Bucket([]byte(bucketSources)).Get(key); v != nil {
		var err error
		if source, err = unsealed[catalog.Source](bucketSources, key, v); err != nil {
			return err
		}
	}
	source.Last = b.at
	return put(b.tx, bucketSources, key, source)
}
