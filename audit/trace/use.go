package trace

import (
	"slices"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// Use is a record in which a document's text left the server, or was passed on.
type Use struct {
	audit.Item
	Versions []int64 // each once, rising
	Ranks    []int   // of its passages, for a retrieval
}

// UseOf returns what the record says of the document: the passages of it that were returned, a
// read of it whole, an answer that cites it. It reports false if it is no use of the
// document, or of no version that is asked for; nil asks for any.
func UseOf(item audit.Item, id catalog.DocumentID, version *int64) (Use, bool) {
	u := Use{Item: item}
	add := func(source, name string, v int64) bool {
		if source != id.Source || name != id.ID || version != nil && v != *version {
			return false
		}
		if !slices.Contains(u.Versions, v) {
			u.Versions = append(u.Versions, v)
			slices.Sort(u.Versions)
		}
		return true
	}
	switch r := item.Record; {
	case r.Retrieval != nil:
		for _, s := range r.Retrieval.Sources {
			if add(s.Source, s.ID, s.Version) {
				u.Ranks = append(u.Ranks, s.Rank)
			}
		}
	case r.Read != nil && r.Read.ContentHash != "": // else not its text was read, but something about it
		add(r.Read.Source, r.Read.ID, r.Read.Version)
	case r.Answer != nil:
		for _, c := range r.Answer.Citations {
			if c.Resolved() {
				add(c.Source, c.ID, c.Version)
			}
		}
	}
	return u, len(u.Versions) > 0
}
