package acl

import "slices"

// Scale is the configured, ordered list of sensitivity labels, lowest first.
type Scale []string

// DefaultScale is the scale of a server whose configuration names none.
var DefaultScale = Scale{"public", "internal", "confidential", "restricted"}

// DefaultSensitivity is the label of a document that names none.
const DefaultSensitivity = "internal"

// Knows reports whether the label is on the scale.
func (s Scale) Knows(label string) bool { return slices.Contains(s, label) }

// UpTo is the clearance for the label and every lower one; nothing for an unknown label.
func (s Scale) UpTo(label string) Clearance {
	i := slices.Index(s, label)
	c := Clearance{}
	for _, l := range s[:i+1] {
		c[l] = true
	}
	return c
}

// Top is the highest label, "" on an empty scale.
func (s Scale) Top() string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1]
}
