package acl

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Limits of one policy and of the chain above a document. Over a limit is an error that
// names it, and nothing is stored.
const (
	MaxLayers     = 16     // layers of one policy
	MaxEntries    = 10_000 // grants of one policy, over all layers
	MaxContainers = 16     // container levels above a document
)

// Inherit says how a node's own policy combines with its parent's answer.
type Inherit uint8

// The ways to combine. Restrict is the zero value: own AND parent.
const (
	Restrict Inherit = iota // own and parent
	Extend                  // own or parent, but a deny of its own blocks
	Replace                 // own alone
)

// Policy says who may read a node. It admits by itself if it has at least one layer and
// every layer admits; a policy without layers admits nobody.
type Policy struct {
	Layers  []Layer `cbor:"1,keyasint,omitempty"`
	Inherit Inherit `cbor:"2,keyasint,omitempty"`
}

// Layer admits a caller if some Allow grant names one of the caller's principals and no
// Deny grant does.
type Layer struct {
	Allow []Grant `cbor:"1,keyasint,omitempty"`
	Deny  []Grant `cbor:"2,keyasint,omitempty"`
}

// Grant names a principal, for a time: it holds in [NotBefore, NotAfter). A zero bound is
// open. In a Deny list it withholds instead of giving.
type Grant struct {
	Principal Principal `cbor:"1,keyasint"`
	NotBefore time.Time `cbor:"2,keyasint,omitzero"`
	NotAfter  time.Time `cbor:"3,keyasint,omitzero"`
}

func (g Grant) holds(now time.Time) bool {
	return !now.Before(g.NotBefore) && (g.NotAfter.IsZero() || now.Before(g.NotAfter))
}

// LimitError says which field is over which limit.
type LimitError struct {
	Field string // path below the checked value, e.g. "layers[3].allow[0].principal"
	Limit string // in words, e.g. "at most 16 layers"
}

// Error implements error.
func (e *LimitError) Error() string { return e.Field + ": " + e.Limit }

// Validate checks the policy against the limits and every principal's form.
func (p *Policy) Validate() error {
	if p == nil {
		return nil
	}
	if len(p.Layers) > MaxLayers {
		return &LimitError{"layers", fmt.Sprintf("%d layers, at most %d", len(p.Layers), MaxLayers)}
	}
	if p.Inherit > Replace {
		return &LimitError{"inherit", "unknown inherit mode"}
	}
	entries := 0
	for i, l := range p.Layers {
		for _, list := range []struct {
			name   string
			grants []Grant
		}{{"allow", l.Allow}, {"deny", l.Deny}} {
			entries += len(list.grants)
			if entries > MaxEntries {
				return &LimitError{"layers", fmt.Sprintf("over %d entries", MaxEntries)}
			}
			for j, g := range list.grants {
				if err := g.Principal.Validate(); err != nil {
					return &LimitError{fmt.Sprintf("layers[%d].%s[%d].principal", i, list.name, j), err.Error()}
				}
			}
		}
	}
	return nil
}

// Principals yields whom the policy's grants name, allowed or denied, in order.
func (p *Policy) Principals() iter.Seq[Principal] {
	return func(yield func(Principal) bool) {
		if p == nil {
			return
		}
		for _, l := range p.Layers {
			for _, grants := range [][]Grant{l.Allow, l.Deny} {
				for _, g := range grants {
					if !yield(g.Principal) {
						return
					}
				}
			}
		}
	}
}

// Equal reports whether two policies say the same, entry by entry; nil equals only nil.
func (p *Policy) Equal(q *Policy) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.Inherit == q.Inherit && slices.EqualFunc(p.Layers, q.Layers, func(a, b Layer) bool {
		return slices.EqualFunc(a.Allow, b.Allow, Grant.equal) && slices.EqualFunc(a.Deny, b.Deny, Grant.equal)
	})
}

func (g Grant) equal(h Grant) bool {
	return g.Principal == h.Principal && g.NotBefore.Equal(h.NotBefore) && g.NotAfter.Equal(h.NotAfter)
}
