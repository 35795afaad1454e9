package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/muniment/muniment/acl"
)

// maxListed is how many groups of a token a record lists: as many as Entra ID puts into one.
const maxListed = 200

// Where the groups of a user come from.
const (
	FromDirectory = "directory" // as it was at the revision of the answer
	FromClaim     = "claim"     // of the user's token, and the directory was not asked
)

// Groups pins what decided besides the catalog. The catalog's history has the directory of a
// revision; what a token said of its user is nowhere else once the token is gone. It leaves
// with the body of its record when that is erased.
type Groups struct {
	From   string   `json:"from"`
	Listed []string `json:"listed,omitempty"` // the first 200 that the claim named, sorted
	Count  int      `json:"count,omitempty"`  // of all that it named, each once
	Hash   string   `json:"hash,omitempty"`   // of all, in hex: SHA-256 over them, sorted, a line each
}

// GroupsOf returns where the identity's groups come from and, if that is a claim, which they are.
func GroupsOf(id acl.Identity) *Groups {
	if id.Groups == nil {
		return &Groups{From: FromDirectory}
	}
	names := slices.Compact(slices.Sorted(slices.Values(id.Groups)))
	g := &Groups{From: FromClaim, Count: len(names)}
	hash := sha256.New()
	for i, name := range names {
		hash.Write([]byte(name + "\n"))
		if i < maxListed {
			g.Listed = append(g.Listed, string(name))
		}
	}
	g.Hash = hex.EncodeToString(hash.Sum(nil))
	return g
}

// Claimed returns the groups that a token named, nil if the directory decided. It reports false
// if that is not known: nothing was recorded, or the record does not list all of them.
func (g *Groups) Claimed() (groups []acl.Principal, ok bool) {
	switch {
	case g == nil || g.Count > len(g.Listed):
		return nil, false
	case g.From == FromDirectory:
		return nil, true
	}
	groups = []acl.Principal{}
	for _, name := range g.Listed {
		groups = append(groups, acl.Principal(name))
	}
	return groups, g.From == FromClaim
}
