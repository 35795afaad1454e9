package desk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// WorkKind is a sort of work.
type WorkKind uint8

// The sorts of work.
const (
	Review     WorkKind = 1 + iota // a document is due, stale, outdated or superseded
	Dispute                        // documents contradict each other
	DeadSource                     // a source is silent, or its sync fails
	OwnerGone                      // the owner of documents is nobody
	HiddenText                     // text that readers do not see
	Duplicate                      // to be removed, as a steward has said
)

// How bad things are, on the scale of severities: 1 is a document that has come due. All but
// ownerSeverity are multiplied by how often what they are about is retrieved. See
// docs/stewardship.md.
const (
	versionsSeverity  = 10.0 // versions that contradict each other, if that is certain
	strangersSeverity = 2.0  // independent documents that seem to
	deadSeverity      = 12.0 // nothing of the source can be trusted
	ownerSeverity     = 1.0  // for one document, growing with the logarithm
	hiddenSeverity    = 0.5  // most are comments, and no answer is made from them
	duplicateSeverity = 3.0
)

// WorkItem is one thing to mend.
type WorkItem struct {
	Kind       WorkKind
	Summary    string
	Action     string
	Priority   float64
	Source     string
	Owner      acl.Principal
	Document   catalog.DocumentID // zero if it is of none
	Other      catalog.DocumentID // zero if it is of none
	Judged     *Judged            // of Document
	ConflictID string
	Documents  int
}

// WorkQuery asks for work.
type WorkQuery struct {
	Filter indexer.Filter
	States []freshness.State // of documents; empty = any
	Kinds  []WorkKind        // empty = any
	Limit  int               // at least 1
	After  []byte            // Next of the page before, nil = the first page
	// Elsewhere reports whether only tokens say who is in a group: then the directory's not
	// knowing it means nothing.
	Elsewhere func(group acl.Principal) bool
}

func (q WorkQuery) wants(k WorkKind) bool { return len(q.Kinds) == 0 || slices.Contains(q.Kinds, k) }

// Work is one page of what there is to mend.
type Work struct {
	Items     []WorkItem
	Total     int    // on all pages
	Next      []byte // where the next page begins, of fixed length; nil if none follows
	Searching bool   // conflicts have not been searched for yet since the documents changed last
}

// Work lists what there is to mend in the sources of the office, as far as the caller may read
// it, worst first.
func (d *Desk) Work(ctx context.Context, caller acl.Identity, office Office, q WorkQuery) (Work, error) {
	if q.After != nil && len(q.After) != placeBytes {
		return Work{}, ErrPlace
	}
	state, err := d.Indexer.Pin(ctx, 0)
	if err != nil {
		return Work{}, err
	}
	defer state.Release()
	view, err := state.View(caller, d.Now())
	if err != nil {
		return Work{}, err
	}
	if err := d.uses.level(ctx, d.Log, view.At()); err != nil {
		return Work{}, err
	}
	w := worklist{
		desk: d, state: state, view: view, office: office, WorkQuery: q,
		disputes: confirmed{state, view, map[[2]catalog.DocumentID]int{}},
	}
	if err := w.collect(ctx, caller); err != nil {
		return Work{}, err
	}
	slices.SortFunc(w.items, worst)
	from := begin(w.items, q.After)
	out := Work{Total: len(w.items), Items: w.items[from:min(len(w.items), from+q.Limit)], Searching: w.searching}
	if n := len(out.Items); n > 0 && from+n < len(w.items) {
		out.Next = out.Items[n-1].place()
	}
	return out, nil
}

// worst orders work: the worst first, ties by kind and by what it is about.
func worst(a, b WorkItem) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Kind, b.Kind),
		a.Document.Compare(b.Document), a.Other.Compare(b.Other), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.ConflictID, b.ConflictID))
}

// placeBytes is the length of a place in a list of work.
const placeBytes = 8 + 1 + sha256.Size

// place names an item and says how bad it is.
func (i *WorkItem) place() []byte {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(i.Priority))
	hash := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %q", i.Document.Source, i.Document.ID, i.Other.Source, i.Other.ID, i.Source, i.Owner, i.ConflictID))
	return append(append(b, byte(i.Kind)), hash[:]...)
}

// begin is where the page begins that follows a place: after its item or, if that has been
// mended meanwhile, with what is no worse; nothing is passed over.
func begin(items []WorkItem, place []byte) int {
	if place == nil {
		return 0
	}
	priority, kind := math.Float64frombits(binary.BigEndian.Uint64(place)), WorkKind(place[8])
	for i := range items {
		if bytes.Equal(items[i].place(), place) {
			return i + 1
		}
	}
	n := slices.IndexFunc(items, func(i WorkItem) bool {
		return i.Priority < priority || i.Priority == priority && i.Kind >= kind
	})
	if n < 0 {
		return len(items)
	}
	return n
}

// worklist is a list of work being made.
type worklist struct {
	WorkQuery
	desk   *Desk
	state  *indexer.State
	view   acl.View
	office Office

	disputes  confirmed
	items     []WorkItem
	searching bool
}

// collect finds all the work there is. Each part reads with the view and looks at nothing else
// of documents, so that none of another has a part in it.
func (w *worklist) collect(ctx context.Context, caller acl.Identity) error {
	owners, seen := owned{}, signs{}
	err := w.each(ctx, func(d catalog.Document, matches bool) error {
		if w.wants(Duplicate) {
			if err := w.duplicates(ctx, d, matches); err != nil {
				return err
			}
		}
		if !w.office.Has(d.Source) {
			return nil
		}
		seen.note(d, w.desk.uses.of(d.DocumentID))
		if !matches {
			return nil
		}
		owners.note(d)
		return w.document(ctx, d)
	})
	if err != nil {
		return err
	}
	if w.wants(OwnerGone) {
		w.ownersGone(owners)
	}
	if w.wants(DeadSource) {
		if err := w.deadSources(ctx, seen); err != nil {
			return err
		}
	}
	if w.wants(Dispute) {
		return w.contradictions(ctx, caller)
	}
	return nil
}

// each calls f with every document that the view admits, by id, and whether the filter does.
func (w *worklist) each(ctx context.Context, f func(d catalog.Document, matches bool) error) error {
	matching := w.state.Table.Admitted(w.view, w.Filter)
	return read(ctx, w.state, w.view, w.state.Table.Admitted(w.view, indexer.Filter{}), func(d catalog.Document) error {
		_, matches := slices.BinarySearchFunc(matching, d.DocumentID, catalog.DocumentID.Compare)
		if matches && len(w.States) > 0 {
			var err error
			if matches, err = in(ctx, w.state, w.view, d, w.States); err != nil {
				return err
			}
		}
		return f(d, matches)
	})
}

// in reports whether a document is in one of the states.
func in(ctx context.Context, state *indexer.State, view acl.View, d catalog.Document, states []freshness.State) (bool, error) {
	finding, _, err := retriever.Judge(ctx, state, view, d)
	return slices.Contains(states, finding.State), err
}

// used is the factor by which something is worse for being retrieved so often.
func used(retrievals int64) float64 { return 1 + math.Log1p(float64(retrievals)) }

// most is how often the one of the documents is retrieved that is retrieved most. Retrievals are
// for those alone who look after a source.
func (w *worklist) most(ids ...catalog.DocumentID) (n int64) {
	for _, id := range ids {
		if w.office.Has(id.Source) {
			n = max(n, w.desk.uses.of(id))
		}
	}
	return n
}

func (w *worklist) add(i WorkItem) { w.items = append(w.items, i) }
