// Package reference decides who may read a document in the plainest way there is, straight from the
// wording of the feed format. It shares no code and no types with the evaluator that serves requests,
// so that tests may hold the two against each other. It is too slow for anything else.
package reference

import (
	"slices"
	"time"
)

// Mode says how a node's own policy combines with the answer of its parent.
type Mode int

// The three modes. Restrict is the zero value: a policy that names no mode restricts.
const (
	Restrict Mode = iota
	Extend
	Replace
)

// DefaultLabel is the sensitivity of a document that states none.
const DefaultLabel = "internal"

type (
	// Grant names one principal for the time [NotBefore, NotAfter); a zero bound is no bound.
	Grant struct {
		Principal           string
		NotBefore, NotAfter time.Time
	}
	// Layer admits whom some Allow names and no Deny names.
	Layer struct{ Allow, Deny []Grant }
	// Policy is a list of layers, all of which must admit, and the mode that joins it to the parent.
	Policy struct {
		Layers  []Layer
		Inherit Mode
	}
	// Node is what documents and containers have in common. Nil is no policy; an empty Parent is no parent.
	Node struct {
		Policy *Policy
		Parent string
	}
	// Document is a node with a sensitivity label.
	Document struct {
		Node
		Sensitivity string
	}
	// World is everything a decision depends on apart from the caller and the time.
	World struct {
		Groups     map[string][]string // members by group principal
		Containers map[string]Node
		Documents  map[string]Document
		Labels     []string // least sensitive first
	}
	// Caller is one verified identity, with the clearances of the person and of the app in between.
	Caller struct {
		Principal      string
		Guest, Service bool
		Clearance, App string
	}
)

// Reads reports whether the caller may read the document at that time.
func Reads(w World, c Caller, document string, now time.Time) bool {
	d, known := w.Documents[document]
	need := slices.Index(w.Labels, d.Sensitivity)
	if d.Sensitivity == "" {
		need = slices.Index(w.Labels, DefaultLabel)
	}
	cleared := need >= 0 && slices.Index(w.Labels, c.Clearance) >= need && slices.Index(w.Labels, c.App) >= need
	return known && c.Principal != "" && cleared && admits(w, Principals(w, c), d.Node, nil, now)
}

// Principals returns the caller's own principal, everyone where it applies, and every group that holds one of these.
func Principals(w World, c Caller) map[string]bool {
	is := map[string]bool{c.Principal: true, "everyone": !c.Guest && !c.Service}
	for grew := true; grew; {
		grew = false
		for group, members := range w.Groups {
			if !is[group] && slices.ContainsFunc(members, func(m string) bool { return is[m] }) {
				is[group], grew = true, true
			}
		}
	}
	return is
}

// admits answers for one node. A container met again on the way up admits nobody, like an unknown one.
func admits(w World, is map[string]bool, n Node, seen []string, now time.Time) bool {
	own, blocked := n.Policy != nil && len(n.Policy.Layers) > 0, false
	if n.Policy != nil {
		for _, l := range n.Policy.Layers {
			denied := names(l.Deny, is, now)
			blocked = blocked || denied
			own = own && names(l.Allow, is, now) && !denied
		}
	}
	if n.Parent == "" {
		return own
	}
	above, known := w.Containers[n.Parent]
	parent := known && !slices.Contains(seen, n.Parent) && admits(w, is, above, append(seen, n.Parent), now)
	switch {
	case n.Policy == nil:
		return parent
	case n.Policy.Inherit == Restrict:
		return own && parent
	case n.Policy.Inherit == Extend:
		return (own || parent) && !blocked
	}
	return own && n.Policy.Inherit == Replace
}

func names(grants []Grant, is map[string]bool, now time.Time) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		starts := g.NotBefore.IsZero() || !now.Before(g.NotBefore)
		ends := !g.NotAfter.IsZero() && !now.Before(g.NotAfter)
		return is[g.Principal] && starts && !ends
	})
}
