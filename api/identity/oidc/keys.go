package oidc

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// retryWithout is how soon a failed fetch is tried again if there are no keys that may serve.
const retryWithout = 30 * time.Second

// keys is the set of keys that an issuer published last.
//
// A caller that needs a fetch starts it and waits for its end with everybody else who needs
// it; there is one at a time, and it runs to its end whoever stops waiting. A set past its
// Interval is not used while it is being fetched again: a removed key must not verify another
// token because the issuer is slow. If the fetch fails the old set goes on until MaxAge.
type keys struct {
	now  func() time.Time
	log  *slog.Logger
	load func(context.Context) (map[string]key, error)

	mu      sync.Mutex
	set     map[string]key
	fetches uint64        // how many there were, the one of set included
	good    time.Time     // when the fetch of set began
	tried   time.Time     // when the last fetch began
	strange time.Time     // when an unknown key id last caused one
	loading chan struct{} // closed at the end of the fetch under way; nil if there is none
}

// get returns the key with the id; false if the issuer has none of that id. Its error wraps
// ErrUnavailable.
func (c *keys) get(ctx context.Context, id string) (key, bool, error) {
	if wait := c.begin(id); wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return key{}, false, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.serves(c.now()) {
		return key{}, false, ErrUnavailable
	}
	k, ok := c.set[id]
	return k, ok, nil
}

// ready reports whether there is a set that may be used.
func (c *keys) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.serves(c.now())
}

// from returns when the fetch of the set began; the zero time if there is none.
func (c *keys) from() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.good
}

// begin starts a fetch if one is due, and returns what to wait for before the set may be
// asked for the id; nil for nothing.
func (c *keys) begin(id string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	_, known := c.set[id]
	fresh := c.serves(now) && now.Sub(c.good) < Interval
	if c.loading == nil && c.due(now, known) {
		if c.serves(now) && !known {
			c.strange = now
		}
		c.tried, c.loading = now, make(chan struct{})
		go c.fetch(now)
	}
	if fresh && known {
		return nil
	}
	return c.loading
}

func (c *keys) due(now time.Time, known bool) bool {
	switch {
	case !c.serves(now):
		return now.Sub(c.tried) >= retryWithout
	case now.Sub(c.tried) >= Interval:
		return true
	}
	return !known && now.Sub(c.strange) >= Interval
}

// serves reports whether the set may be used at all.
func (c *keys) serves(now time.Time) bool { return c.set != nil && now.Sub(c.good) < MaxAge }

// fetch fetches the set and keeps the old one if it cannot be had.
func (c *keys) fetch(began time.Time) {
	set, err := c.load(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.log.Warn("the issuer's keys could not be fetched", "error", err, "keys_from", c.good)
	} else {
		c.fetches++
		for id, k := range set {
			k.fetch = c.fetches
			set[id] = k
		}
		c.set, c.good = set, began
	}
	close(c.loading)
	c.loading = nil
}
