package catalogtest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// snapshot is a revision of a Memory. Nothing is pruned, so its lease is the revision.
type snapshot struct {
	store     *Memory
	at        catalog.Revision
	directory *acl.Directory
	expected  map[string]catalog.Expectation
	closed    atomic.Bool
}

func (n *snapshot) Revision() catalog.Revision { return n.at }

func (n *snapshot) Close() error {
	n.closed.Store(true)
	return nil
}

// read runs fn on the records, under the store's lock.
func (n *snapshot) read(ctx context.Context, fn func(s *memory) error) error {
	n.store.mu.RLock()
	defer n.store.mu.RUnlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case n.closed.Load() || n.store.closed:
		return errClosed
	}
	return fn(n.store.state)
}

func (n *snapshot) View(caller acl.Identity, at time.Time) (v acl.View, err error) {
	err = n.read(context.Background(), func(*memory) (err error) {
		v, err = n.directory.View(caller, at)
		return err
	})
	return v, err
}

func (n *snapshot) Expected(source string) catalog.Expectation { return n.expected[source] }

func (n *snapshot) Directory() *acl.Directory { return n.directory }

func (n *snapshot) Group(name acl.Principal) (members []acl.Principal, err error) {
	err = n.read(context.Background(), func(s *memory) error {
		found, _, known := s.groups.at(name, n.at)
		if !known {
			return catalog.ErrNotFound
		}
		members = slices.Clone(found)
		return nil
	})
	return members, err
}

func (n *snapshot) Entries(ctx context.Context) (list []catalog.Entry, err error) {
	err = n.read(ctx, func(s *memory) error {
		for _, name := range slices.Sorted(maps.Keys(s.entries)) {
			if e, _, known := s.entries.at(name, n.at); known {
				e.Attributes = slices.Clone(e.Attributes)
				list = append(list, e)
			}
		}
		return nil
	})
	return list, err
}

// admitted returns the document if it is present and the view admits it.
func (n *snapshot) admitted(s *memory, view acl.View, id catalog.DocumentID) (catalog.Document, bool) {
	d, _, known := s.documents.at(id, n.at)
	if !known || d.State != catalog.Present {
		return d, false
	}
	return d, view.Admits(d.Governed(n.lookup(s, id.Source)))
}

// lookup returns the containers of a source by their ids.
func (n *snapshot) lookup(s *memory, source string) func(id string) (catalog.Container, bool) {
	return func(id string) (catalog.Container, bool) {
		c, _, known := s.containers.at(catalog.DocumentID{Source: source, ID: id}, n.at)
		return c, known
	}
}

func (n *snapshot) Standing(ctx context.Context, id catalog.DocumentID) (of catalog.Standing, err error) {
	err = n.read(ctx, func(s *memory) error {
		d, _, known := s.documents.at(id, n.at)
		if !known || d.State == catalog.AccessOnly && d.Access.Version == 0 {
			return catalog.ErrNotFound
		}
		of = d.Stands(n.lookup(s, id.Source))
		return nil
	})
	return of, err
}

func (n *snapshot) Documents(ctx context.Context, view acl.View, ids []catalog.DocumentID) (found []catalog.Document, err error) {
	err = n.read(ctx, func(s *memory) error {
		for _, id := range ids {
			if d, ok := n.admitted(s, view, id); ok {
				found = append(found, clone(d))
			}
		}
		return nil
	})
	return found, err
}

func (n *snapshot) Passages(ctx context.Context, view acl.View, ids []catalog.PassageID) (found []catalog.Passage, err error) {
	err = n.read(ctx, func(s *memory) error {
		for _, id := range ids {
			d, ok := n.admitted(s, view, id.Document)
			if !ok || id.Version != d.Version || id.Ordinal < 0 || id.Ordinal >= int(d.Rows.Count) {
				continue
			}
			p := s.passage(d, id.Ordinal)
			p.Vector = nil
			found = append(found, p)
		}
		return nil
	})
	return found, err
}

func (n *snapshot) Contents(ctx context.Context, view acl.View) iter.Seq2[catalog.DocumentChange, error] {
	return func(yield func(catalog.DocumentChange, error) bool) {
		var all []catalog.DocumentChange
		err := n.read(ctx, func(s *memory) error {
			for id := range s.documents {
				d, ok := n.admitted(s, view, id)
				if !ok {
					continue
				}
				c := catalog.DocumentChange{Document: clone(d)}
				for i := range d.Rows.Count {
					c.Passages = append(c.Passages, s.passage(d, int(i)))
				}
				all = append(all, c)
			}
			return nil
		})
		if err != nil {
			yield(catalog.DocumentChange{}, err)
			return
		}
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func (n *snapshot) Text(ctx context.Context, view acl.View, id catalog.DocumentID) (text string, err error) {
	err = n.read(ctx, func(s *memory) error {
		d, ok := n.admitted(s, view, id)
		if !ok {
			return catalog.ErrNotFound
		}
		text = s.contents[content{id, d.ContentAt}].text
		return nil
	})
	return text, err
}
