package identity

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// verifiedBytes bounds the text of the tokens that are remembered: some 8,000 of 1 KiB. What
// is remembered of one may take several times its text, if it is a list of groups.
const verifiedBytes = 8 << 20

// verified remembers what tokens say whose signatures have been checked.
//
// A caller presents one token for thousands of calls, and checking its signature costs more
// than all else that refuses a caller over a limit. Remembering the answer for the token would
// not do: it would outlive the token, and the key. So what is remembered is only what follows
// from the token's bytes, the key and this authority's configuration, none of which change; and
// each use asks anew what does: the clock, and whether the issuer publishes the key still, by
// the very way that checks a signature. What was remembered under another fetch of the keys
// counts for nothing. If anything is not as it was the token is verified from the beginning, so
// that an error is the same as without all this.
//
// Only tokens that were accepted are remembered, by the hash of all their bytes: somebody
// without one cannot fill the place of those who have.
type verified struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]*list.Element // of *verification
	order list.List                           // used last is first
	bytes int
}

// verification is what one token says. It is shared by all calls that present the token, and
// must not be changed.
type verification struct {
	hash    [sha256.Size]byte
	bytes   int
	caller  Caller
	outside bool                                // the issuer is an external one
	from    time.Time                           // accepted from then on,
	until   time.Time                           // and not any more then
	stands  func(context.Context) (bool, error) // as oidc.Issuer.Stands; nil for the embedded issuer, whose ring does not change
}

// of returns what is remembered of a token, nil if it must be verified. Its errors are those
// that verifying it would have.
func (r *verified) of(ctx context.Context, token string, now time.Time) (*verification, error) {
	hash := sha256.Sum256([]byte(token))
	r.mu.Lock()
	e := r.known[hash]
	if e != nil {
		r.order.MoveToFront(e)
	}
	r.mu.Unlock()
	if e == nil {
		return nil, nil
	}
	v := e.Value.(*verification)
	if now.Before(v.from) || !now.Before(v.until) {
		return nil, nil
	}
	if v.stands != nil {
		if stands, err := v.stands(ctx); err != nil || !stands {
			return nil, err
		}
	}
	return v, nil
}

// remember keeps what a token says, in the place of those that have not been used for longest.
func (r *verified) remember(token string, v *verification) {
	v.hash, v.bytes = sha256.Sum256([]byte(token)), len(token)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[[sha256.Size]byte]*list.Element{}
	}
	if old := r.known[v.hash]; old != nil {
		r.forget(old)
	}
	r.known[v.hash] = r.order.PushFront(v)
	for r.bytes += v.bytes; r.bytes > verifiedBytes; {
		r.forget(r.order.Back())
	}
}

func (r *verified) forget(e *list.Element) {
	v := r.order.Remove(e).(*verification)
	delete(r.known, v.hash)
	r.bytes -= v.bytes
}
