package desk

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/muniment/muniment/catalog"
)

// live is a conflict of which both documents are in the view that asks, and say what they said.
type live struct {
	*found
	a, b       *catalog.Document
	settlement catalog.Settlement
}

// cluster is conflicts that hang together, the surest first.
type cluster []live

// clusters groups conflicts, the surest first: those between the same two documents, and those
// of which one sentence is the same. So ten versions of a page that state three prices are one
// piece of work, and two pages that both contradict a third about different things are two.
// The list is sorted, and so is what comes of it.
func clusters(list []live) []cluster {
	root := make([]int, len(list))
	var find func(i int) int
	find = func(i int) int {
		if root[i] != i {
			root[i] = find(root[i])
		}
		return root[i]
	}
	first := map[string]int{}
	for i, l := range list {
		root[i] = i
		for _, of := range []string{
			fmt.Sprintf("%q %q", l.a.DocumentID, l.b.DocumentID),
			fmt.Sprintf("%q: %q", l.a.DocumentID, l.found.a.sentence), fmt.Sprintf("%q: %q", l.b.DocumentID, l.found.b.sentence),
		} {
			if j, known := first[of]; known {
				x, y := find(i), find(j)
				root[max(x, y)] = min(x, y)
			} else {
				first[of] = i
			}
		}
	}
	at := map[int]int{}
	var out []cluster
	for i, l := range list {
		r := find(i)
		n, known := at[r]
		if !known {
			n = len(out)
			at[r] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], l)
	}
	return out
}

// order is the key that clusters are sorted by.
func (c cluster) order() []byte { return c[0].order() }

// after is how many clusters come before the page that begins after the key, or none for nil.
func after(list []cluster, key []byte) int {
	if key == nil {
		return 0
	}
	n := slices.IndexFunc(list, func(c cluster) bool { return bytes.Compare(c.order(), key) > 0 })
	if n < 0 {
		return len(list)
	}
	return n
}

// documents are those of the cluster, by id.
func (c cluster) documents() (ids []catalog.DocumentID) {
	for _, l := range c {
		ids = append(ids, l.a.DocumentID, l.b.DocumentID)
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	return slices.Compact(ids)
}
