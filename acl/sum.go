package acl

import (
	"crypto/sha256"
	"strconv"
	"time"
)

// Digest identifies all that decides who may read, apart from the caller: the policies from the
// document's own up to the root, where the chain dangles, source and label. It is injective up
// to SHA-256; the order of layers and of grants counts.
func (a Access) Digest() [sha256.Size]byte {
	h := digest{}
	h.put(a.Source, a.Sensitivity, strconv.FormatBool(a.Dangling), strconv.Itoa(len(a.Chain)))
	for _, p := range a.Chain {
		if p == nil {
			h.put("none")
			continue
		}
		h.put("policy", strconv.Itoa(int(p.Inherit)), strconv.Itoa(len(p.Layers)))
		for _, l := range p.Layers {
			h.grants(l.Allow)
			h.grants(l.Deny)
		}
	}
	return h.sum()
}

func (d *digest) grants(grants []Grant) {
	parts := make([]string, 0, 3*len(grants))
	for _, g := range grants {
		parts = append(parts, string(g.Principal), instant(g.NotBefore), instant(g.NotAfter))
	}
	d.put(parts...)
}

// instant is a time of a grant, "" for an open bound.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
