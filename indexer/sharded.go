package indexer

import (
	"hash/maphash"
	"iter"
	"maps"
)

const shards = 1024

// sharded is a map that is cheap to copy and change a little: an edit copies only the
// shards it touches, so two revisions of a table share the rest. The zero value is empty.
type sharded[K comparable, V any] struct {
	parts *[shards]map[K]V
}

var shardSeed = maphash.MakeSeed()

func (s sharded[K, V]) get(k K) (v V, ok bool) {
	if s.parts == nil {
		return v, false
	}
	v, ok = s.parts[maphash.Comparable(shardSeed, k)%shards][k]
	return v, ok
}

// all yields every value, in no order.
func (s sharded[K, V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		if s.parts == nil {
			return
		}
		for _, part := range s.parts {
			for _, v := range part {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// edit begins a changed copy; the receiver stays as it is.
func (s sharded[K, V]) edit() *shardedEdit[K, V] {
	parts := new([shards]map[K]V)
	if s.parts != nil {
		*parts = *s.parts
	}
	return &shardedEdit[K, V]{sharded: sharded[K, V]{parts}}
}

// shardedEdit is a sharded map being changed by one goroutine.
type shardedEdit[K comparable, V any] struct {
	sharded[K, V]
	owned [shards]bool
}

func (e *shardedEdit[K, V]) part(k K) map[K]V {
	i := maphash.Comparable(shardSeed, k) % shards
	if !e.owned[i] {
		e.owned[i] = true
		if e.parts[i] = maps.Clone(e.parts[i]); e.parts[i] == nil {
			e.parts[i] = map[K]V{}
		}
	}
	return e.parts[i]
}

func (e *shardedEdit[K, V]) set(k K, v V) { e.part(k)[k] = v }
func (e *shardedEdit[K, V]) delete(k K)   { delete(e.part(k), k) }
