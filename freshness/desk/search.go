package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/freshness"
	"github.com/muniment/muniment/indexer"
)

// Limits of the search for conflicts.
const (
	waitFor      = 20_000  // passages: in a view of so many, who asks waits until it is done
	mostSentence = 250_000 // sentences with a value that are compared, the steward's own sources first
	mostFound    = 10_000  // conflicts that are kept of a view, the surest
	mostViews    = 8       // views that conflicts are kept of, those asked for last
	longest      = 15 * time.Minute
)

// searches finds the conflicts of views and keeps what it found.
//
// To search whenever somebody asks is the simple version. It takes seconds for a view of a
// hundred thousand sentences, and stewards ask again and again. So what was found is kept by
// view, with a digest of what was in view: as long as the same passages are, it holds. In a
// small view who asks waits for a new search; in a large one it runs in the background, one at
// a time, and meanwhile what was found before is shown, as far as both documents are in the
// view that asks and say what they said. So a right that is taken away counts at once, and
// what is kept says nothing that this very view has not admitted.
//
// What is found is a function of what a view admits and of the sources that its steward looks
// after. The zero value is ready.
type searches struct {
	mu    sync.Mutex
	kept  map[[32]byte]*results
	clock uint64 // rises with every question

	small, large sync.Mutex // held by the search of a small view, of a large one
	limit        int        // passages of a small view; 0 = waitFor
}

// isLarge reports whether who asks about the view does not wait.
func (s *searches) isLarge(v *indexer.Visible) bool { return v.Len() > cmp.Or(s.limit, waitFor) }

// results is what was found in one view, for one office.
type results struct {
	known   bool     // whether there has been a search
	in      [32]byte // the contents it searched
	list    []*found // sorted; never changed
	pending bool     // whether a search is under way, or waits for its turn, in the background
	asked   uint64
}

// conflicts returns the conflicts of the view, the surest first, and whether a newer search is
// under way. Of each, both documents may have changed, or have gone from the view, since.
func (d *Desk) conflicts(ctx context.Context, caller acl.Identity, office Office, state *indexer.State, view acl.View) (list []*found, searching bool, err error) {
	visible := state.Table.Visible(view)
	key, in := office.key(visible), contents(visible)
	large := d.searches.isLarge(visible)
	list, known, start := d.searches.look(key, in, large)
	switch {
	case known:
		return list, false, nil
	case start:
		go d.search(key, caller, office)
	}
	if large {
		return list, true, nil
	}
	d.searches.small.Lock()
	defer d.searches.small.Unlock()
	if list, known, _ = d.searches.look(key, in, false); known {
		return list, false, nil
	}
	if list, err = find(ctx, office, state, view, visible); err == nil {
		d.searches.keep(key, in, list)
	}
	return list, false, err
}

// key names a view and what its steward looks after, whatever the revision.
func (o Office) key(v *indexer.Visible) [32]byte {
	view := v.Key()
	return sha256.Sum256(append(view[:], o.Name...))
}

// look returns what is known of a view, whether that is of these contents, and, if it is asked
// to, whether a search is to be started.
func (s *searches) look(key, in [32]byte, background bool) (list []*found, known, start bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[[32]byte]*results{}
	}
	r := s.kept[key]
	if r == nil {
		r = &results{}
		s.kept[key] = r
	}
	s.clock++
	r.asked = s.clock
	s.forget()
	known = r.known && r.in == in
	if start = background && !known && !r.pending; start {
		r.pending = true
	}
	return r.list, known, start
}

// forget drops the view that was asked for least recently if there are too many. One that is
// searched for stays.
func (s *searches) forget() {
	if len(s.kept) <= mostViews {
		return
	}
	var oldest [32]byte
	var of *results
	for key, r := range s.kept {
		if !r.pending && (of == nil || r.asked < of.asked) {
			oldest, of = key, r
		}
	}
	if of != nil {
		delete(s.kept, oldest)
	}
}

func (s *searches) keep(key, in [32]byte, list []*found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.kept[key]; r != nil {
		r.known, r.in, r.list = true, in, list
	}
}

func (s *searches) over(key [32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.kept[key]; r != nil {
		r.pending = false
	}
}

// search searches the newest state in the background, once its turn has come.
func (d *Desk) search(key [32]byte, caller acl.Identity, office Office) {
	defer d.searches.over(key)
	d.searches.large.Lock()
	defer d.searches.large.Unlock()
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic in the search for conflicts", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	if err := d.searchNow(ctx, key, caller, office); err != nil {
		slog.Warn("the search for conflicts has failed", "error", err)
	}
}

func (d *Desk) searchNow(ctx context.Context, key [32]byte, caller acl.Identity, office Office) error {
	state, err := d.Indexer.Pin(ctx, 0)
	if err != nil {
		return err
	}
	release := sync.OnceFunc(state.Release)
	defer release()
	view, err := state.View(caller, d.Now())
	if err != nil {
		return err
	}
	visible := state.Table.Visible(view)
	if office.key(visible) != key {
		return nil // the caller is somebody else by now: other groups, or none
	}
	m, err := gather(ctx, office, state, view, visible)
	if err != nil {
		return err
	}
	in := contents(visible)
	release() // comparing takes longer than reading, and nothing should be held for it
	list, err := m.search(ctx, office)
	if err == nil {
		d.searches.keep(key, in, list)
	}
	return err
}

// find searches a view.
func find(ctx context.Context, office Office, state *indexer.State, view acl.View, visible *indexer.Visible) ([]*found, error) {
	m, err := gather(ctx, office, state, view, visible)
	if err != nil {
		return nil, err
	}
	return m.search(ctx, office)
}

// gather reads what the view admits, in the order of ids. If that is too much, documents of the
// office come first.
func gather(ctx context.Context, office Office, state *indexer.State, view acl.View, visible *indexer.Visible) (*material, error) {
	ids := inView(visible)
	if !slices.ContainsFunc(ids, func(id catalog.DocumentID) bool { return office.Has(id.Source) }) {
		return &material{}, nil
	}
	slices.SortStableFunc(ids, func(a, b catalog.DocumentID) int {
		switch mine := office.Has(a.Source); {
		case mine == office.Has(b.Source):
			return 0
		case mine:
			return -1
		}
		return 1
	})
	m := &material{}
	parts := map[catalog.DocumentID]material{}
	sum := 0
	err := read(ctx, state, view, ids, func(doc catalog.Document) error {
		if sum >= mostSentence {
			return nil
		}
		list, err := passages(ctx, state, view, doc)
		if err != nil {
			return err
		}
		var part material
		part.add(doc, list)
		sum += part.statements
		parts[doc.DocumentID] = part
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ids, catalog.DocumentID.Compare)
	for _, id := range ids {
		part := parts[id]
		m.sources, m.at, m.statements = append(m.sources, part.sources...), append(m.at, part.at...), m.statements+part.statements
	}
	return m, nil
}

// search compares the material and keeps the conflicts that are the office's business.
func (m *material) search(ctx context.Context, office Office) ([]*found, error) {
	list, err := freshness.Search(ctx, m.sources)
	if err != nil {
		return nil, err
	}
	var out []found
	for _, c := range list {
		if f := m.found(c); office.Has(f.a.document.Source) || office.Has(f.b.document.Source) {
			out = append(out, f)
		}
	}
	sorted := merged(out)
	return slices.Clip(sorted[:min(len(sorted), mostFound)]), nil
}
