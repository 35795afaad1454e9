// Package acl decides who may read what.
//
// It is the section "Who may read" of docs/feed.md in code: principals, groups, policies
// and views. It is pure: no I/O, no clock, no package of this module below it. There is
// one rule, View.Admits; postings, statistics and reads all ask it and nothing else.
package acl

import "time"

// Access is all that decides who may read one document.
type Access struct {
	// Chain holds the policy of the document first, then of its container, then of that
	// container's parent, up to the root. A nil entry is a node without a policy.
	Chain []*Policy
	// Dangling says that the chain ends at a container that is unknown, part of a cycle
	// or more than MaxContainers levels up: a parent that admits nobody.
	Dangling bool
	// Source is the source system the document came from.
	Source string
	// Sensitivity is the document's label on the configured scale, never empty.
	Sensitivity string
}

// Decision is an answer of a view with the interval of time in which it stays the same
// for the same view and access. Zero bounds are open.
type Decision struct {
	Admitted    bool
	From, Until time.Time // [From, Until)
}

// Admits reports whether the view may read what a governs. THE rule, in one place.
func (v View) Admits(a Access) bool { return v.Decide(a).Admitted }

// Decide is Admits together with the interval in which its answer holds, so that the
// answer can be cached without being trusted a moment too long. Grants that begin or end
// both widen (allow) and narrow (deny); either way they bound the interval.
func (v View) Decide(a Access) Decision {
	d := Decision{}
	if len(v.principals) == 0 || !v.clearance[a.Sensitivity] || !v.scope.reaches(a) {
		return d // nothing about time decides these
	}
	if d.bound(v.at, v.withheld[a.Source]); v.Withholds(a.Source) {
		return d
	}
	d.Admitted = v.chain(a.Chain, a.Dangling, &d)
	return d
}

// chain walks from the root down to the document, because each node's answer needs its
// parent's. The bounds of every grant on the way are noted, also where an earlier answer
// already decides: the interval may be shorter than needed, never longer.
func (v View) chain(chain []*Policy, dangling bool, d *Decision) bool {
	hasParent, parent := dangling, false
	for i := len(chain) - 1; i >= 0; i-- {
		if p := chain[i]; p != nil {
			own, denied := v.own(p, d)
			switch {
			case !hasParent || p.Inherit == Replace:
				parent = own
			case p.Inherit == Extend:
				parent = (own || parent) && !denied
			case p.Inherit == Restrict:
				parent = own && parent
			default:
				parent = false // a mode this version does not know
			}
		}
		hasParent = true
	}
	return parent
}

// own reports whether the policy's own layers admit the view, and whether a deny of any
// layer names it.
func (v View) own(p *Policy, d *Decision) (admitted, denied bool) {
	admitted = len(p.Layers) > 0
	for _, l := range p.Layers {
		allow := v.named(l.Allow, d)
		deny := v.named(l.Deny, d)
		admitted = admitted && allow && !deny
		denied = denied || deny
	}
	return admitted, denied
}

// named reports whether a grant that holds now names one of the view's principals.
func (v View) named(grants []Grant, d *Decision) bool {
	found := false
	for _, g := range grants {
		if _, ok := v.principals[g.Principal]; !ok {
			continue
		}
		d.bound(v.at, g.NotBefore)
		d.bound(v.at, g.NotAfter)
		if g.holds(v.at) {
			found = true
		}
	}
	return found
}

// bound shortens the decision's interval so that it does not cross the instant t.
func (d *Decision) bound(now, t time.Time) {
	switch {
	case t.IsZero():
	case t.After(now):
		if d.Until.IsZero() || t.Before(d.Until) {
			d.Until = t
		}
	case t.After(d.From):
		d.From = t
	}
}
