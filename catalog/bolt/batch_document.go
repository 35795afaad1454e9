package bolt

import "github.com/muniment/muniment/catalog"

// register returns the document as the mutations so far have left it.
func (b *batch) register(id catalog.DocumentID) (*register, error) {
	r := b.documents[id]
	if r == nil {
		stored, err := b.head.document(id)
		if err != nil {
			return nil, err
		}
		r = &register{document: catalog.Document{DocumentID: id}}
		if stored != nil {
			r.document, r.stored, r.synced = *stored, stored.State, stored.Synced
		}
		b.documents[id] = r
	}
	return r, nil
}

func (b *batch) document(id catalog.DocumentID, next func(*register, *source) (catalog.Outcome, error)) (o catalog.Outcome, err error) {
	r, err := b.register(id)
	if err != nil {
		return o, err
	}
	of, err := b.source(id.Source)
	if err != nil {
		return o, err
	}
	was := r.document.State
	if o, err = next(r, of); err != nil {
		return o, err
	}
	if o.Changed {
		if err := b.changes(of, r, was); err != nil {
			return o, err
		}
	}
	record := r.document
	o.Document = &record
	if o.Refused == nil && record.State != catalog.Deleted {
		o.UnknownContainer, err = b.unknown(id.Source, record.Access.Container)
	}
	return o, err
}

// changes notes that the document has changed, and keeps the counts of its source.
func (b *batch) changes(of *source, r *register, was catalog.State) error {
	r.changed = true
	is := r.document.State
	if was == is {
		return nil
	}
	marked, err := b.marked(of, r.document.DocumentID)
	if err != nil {
		return err
	}
	of.Count(was, is, marked, marked)
	if was == catalog.Deleted {
		of.Tombstones--
	}
	if is == catalog.Deleted {
		of.Tombstones++
	}
	of.changed = true
	return nil
}

// vectors returns the vectors that the document's passages have so far.
func (b *batch) vectors(r *register) ([][]float32, error) {
	switch {
	case r.vectors != nil:
		return r.vectors, nil
	case r.content != nil:
		vectors := make([][]float32, len(r.content.Passages))
		for i, p := range r.content.Passages {
			vectors[i] = p.Vector
		}
		return vectors, nil
	}
	vectors := make([][]float32, r.document.Rows.Count)
	for i := range vectors {
		p, err := b.head.passage(&r.document, i, true)
		if err != nil {
			return nil, err
		}
		vectors[i] = p.Vector
	}
	return vectors, nil
}

func (b *batch) container(m catalog.PutContainer) (o catalog.Outcome, err error) {
	id := m.Container.DocumentID
	old, known, err := b.known(id)
	if err != nil {
		return o, err
	}
	of, err := b.source(id.Source)
	if err != nil {
		return o, err
	}
	next, o := m.Next(old, known, of.Source, b.at)
	if o.Changed {
		b.containers[id] = next
	}
	if o.Refused == nil {
		o.UnknownContainer, err = b.unknown(id.Source, next.Parent)
	}
	return o, err
}

// known returns the container as the mutations so far have left it.
func (b *batch) known(id catalog.DocumentID) (catalog.Container, bool, error) {
	if c, ok := b.containers[id]; ok {
		return c, true, nil
	}
	c, err := b.head.container(id)
	if c == nil || err != nil {
		return catalog.Container{}, false, err
	}
	return *c, true, nil
}

// unknown returns the container's name if the store does not know it.
func (b *batch) unknown(source, container string) (string, error) {
	if container == "" {
		return "", nil
	}
	if _, known, err := b.known(catalog.DocumentID{Source: source, ID: container}); known || err != nil {
		return "", err
	}
	return container, nil
}
