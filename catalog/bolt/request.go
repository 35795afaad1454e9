package bolt

import (
	"bytes"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// request is what is remembered of a request: what it asked for and what became of it. It
// is kept twice, in requests under who asked and the id, and in expiries under the time and
// that, so that what has expired can be found.
type request struct {
	_                struct{} `cbor:",toarray"`
	At               time.Time
	Payload          [32]byte
	Refused          int // an index of refusals
	Changed          bool
	AccessKept       bool
	UnknownContainer string
}

// refusals are the errors that an outcome is refused with. Files hold their indexes, so
// they are only ever added to.
var refusals = []error{
	nil, catalog.ErrVersionStale, catalog.ErrVersionReused, catalog.ErrVersionFuture, catalog.ErrNotStored,
	catalog.ErrSyncOpen, catalog.ErrSyncUnknown, catalog.ErrSyncIncomplete, catalog.ErrSyncRemoves, catalog.ErrProvisioned,
	catalog.ErrContentChanged, catalog.ErrSettlements,
}

// expireAtLeast is how many requests a commit forgets, at the most, beyond twice as many as
// it remembers.
const expireAtLeast = 64

func requestKey(r catalog.Request) []byte { return appendName(appendName(nil, r.By), r.ID) }

func expiryKey(at time.Time, request []byte) []byte { return append(appendTime(nil, at), request...) }

// ask applies one mutation, unless the same request has been made before.
func (b *batch) ask(m catalog.Mutation, r catalog.Request) (o catalog.Outcome, err error) {
	if r.ID == "" {
		return b.apply(m)
	}
	key := requestKey(r)
	first, known := b.requests[string(key)]
	if !known {
		if v := b.tx.Bucket([]byte(bucketRequests)).Get(key); v != nil {
			if first, err = unsealed[request](bucketRequests, key, v); err != nil {
				return o, err
			}
			known = b.at.Before(first.At.Add(catalog.RequestLife))
		}
	}
	if !known {
		if o, err = b.apply(m); err == nil {
			b.requests[string(key)] = request{
				At: b.at, Payload: r.Payload, Refused: slices.Index(refusals, o.Refused),
				Changed: o.Changed, AccessKept: o.AccessKept, UnknownContainer: o.UnknownContainer,
			}
		}
		return o, err
	}
	if err := b.line(m, false); err != nil {
		return o, err
	}
	switch {
	case first.Payload != r.Payload:
		return catalog.Outcome{Refused: catalog.ErrRequestReused}, nil
	case first.Refused < 0 || first.Refused >= len(refusals):
		return o, damaged(bucketRequests, key, "it was refused for a reason unknown to this version")
	}
	return catalog.Outcome{
		Replayed: true, Refused: refusals[first.Refused], Changed: first.Changed,
		AccessKept: first.AccessKept, UnknownContainer: first.UnknownContainer,
	}, nil
}

// remember stores the requests of the commit, and forgets some that have expired.
func (b *batch) remember(st *state) error {
	requests, expiries := b.tx.Bucket([]byte(bucketRequests)), b.tx.Bucket([]byte(bucketExpiries))
	for _, key := range sortedKeys(b.requests) {
		if v := requests.Get([]byte(key)); v != nil { // expired
			old, err := unsealed[request](bucketRequests, []byte(key), v)
			if err != nil {
				return err
			}
			if err := expiries.Delete(expiryKey(old.At, []byte(key))); err != nil {
				return err
			}
			st.Requests--
		}
		if err := put(b.tx, bucketRequests, []byte(key), b.requests[key]); err != nil {
			return err
		}
		if err := b.raw(bucketExpiries, expiryKey(b.at, []byte(key)), nil); err != nil {
			return err
		}
		st.Requests++
	}
	return forget(b.tx, st, b.at, expireAtLeast+2*len(b.requests))
}

// forget removes requests that have expired, at most so many.
func forget(tx *bbolt.Tx, st *state, at time.Time, budget int) error {
	var expired [][]byte // a cursor does not survive changes to its bucket
	c := tx.Bucket([]byte(bucketExpiries)).Cursor()
	for k, _ := c.First(); k != nil && len(expired) < budget; k, _ = c.Next() {
		if len(k) < timeLength {
			return damaged(bucketExpiries, k, "the key is not one of a request")
		}
		if at.Before(splitTime(k).Add(catalog.RequestLife)) {
			break
		}
		expired = append(expired, bytes.Clone(k))
	}
	for _, k := range expired {
		if err := tx.Bucket([]byte(bucketExpiries)).Delete(k); err != nil {
			return err
		}
		if err := tx.Bucket([]byte(bucketRequests)).Delete(k[timeLength:]); err != nil {
			return err
		}
		st.Requests--
	}
	return nil
}
