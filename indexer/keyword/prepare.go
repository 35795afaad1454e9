package keyword

import (
	"fmt"

	"github.com/blevesearch/bleve/v2/index/scorch"
)

// prepare gets the segments that a merge has just made ready before anybody asks for them:
// their columns, which the next Reader would have to read, and the postings of terms that
// many passages have and somebody asked for, which the next searches would have to decode.
// At a million passages that takes most of a second. Who comes while it runs does for
// himself what is not done yet. It is called after each merge, on a goroutine of its own.
func (x *Index) prepare(of *scorch.Scorch) {
	x.preparing.Lock()
	defer x.preparing.Unlock()
	var s *store
	var pinned *scorch.IndexSnapshot
	var fresh []segment
	err := guarded(func() (err error) {
		x.mu.RLock() // so that no Reset comes, after which segment ids begin anew
		defer x.mu.RUnlock()
		if s = x.store; s == nil || s.failure() != nil || s.scorch != of {
			return nil
		}
		if pinned, err = snapshot(s.scorch); err == nil {
			fresh, err = x.learn(pinned)
		}
		return err
	})
	if pinned != nil {
		defer pinned.Close()
	}
	if err == nil {
		err = guarded(func() error { return x.warm(fresh) })
	}
	if err != nil && x.life.Err() == nil {
		x.damage(s, err)
	}
}

// learn reads the columns of the segments that are new and returns these.
func (x *Index) learn(snapshot *scorch.IndexSnapshot) (fresh []segment, err error) {
	x.columnsMu.Lock()
	defer x.columnsMu.Unlock()
	for _, s := range snapshot.Segments() {
		if x.columns[s.Id()] != nil {
			continue
		}
		c, err := readColumns(s.Segment())
		if err != nil {
			return nil, fmt.Errorf("segment %x: %w", s.Id(), err)
		}
		x.columns[s.Id()] = c
		fresh = append(fresh, segment{columns: c, id: s.Id(), data: s.Segment()})
	}
	return fresh, nil
}

// warm decodes the common terms of the segments.
func (x *Index) warm(segments []segment) error {
	for _, s := range segments {
		dictionary, err := s.data.Dictionary(textField)
		if err != nil {
			return err
		}
		for _, text := range x.terms.commonest() {
			p, err := decode(x.life, dictionary, text, len(s.rows))
			if err != nil {
				return fmt.Errorf("segment %x: %w", s.id, err)
			}
			x.terms.put(s.columns, text, p)
		}
	}
	return nil
}
