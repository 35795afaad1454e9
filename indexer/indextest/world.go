package indextest

import (
	"maps"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// world is a catalog as indexes see it: a table, and the changes that made it. It numbers
// revisions and rows as a store does.
type world struct {
	table      *indexer.Table
	revision   catalog.Revision
	rows       catalog.Row // given out so far
	documents  map[catalog.DocumentID]catalog.DocumentChange
	containers map[catalog.DocumentID]catalog.Container
	directory  *acl.Directory
}

func newWorld(d *acl.Directory) *world {
	return &world{
		table:      indexer.NewTable(),
		documents:  map[catalog.DocumentID]catalog.DocumentChange{},
		containers: map[catalog.DocumentID]catalog.Container{},
		directory:  d,
	}
}

// commit makes the changes in one revision and returns the batch for the indexes.
func (w *world) commit(changes ...catalog.Change) indexer.Batch {
	w.revision++
	for i := range changes {
		changes[i].Revision = w.revision
	}
	var b indexer.Batch
	w.table, b = w.table.With(changes, w.revision)
	return b
}

// put stores a document's content and access; its passages get new rows.
func (w *world) put(d catalog.Document, passages []catalog.Passage) catalog.Change {
	d.State = catalog.Present
	d.Rows = catalog.Rows{First: w.rows + 1, Count: uint32(len(passages))}
	passages = slices.Clone(passages)
	for i := range passages {
		w.rows++
		passages[i].Row = w.rows
		passages[i].ID = catalog.PassageID{Document: d.DocumentID, Version: d.Version, Ordinal: i}
	}
	c := catalog.DocumentChange{Document: d, Passages: passages}
	w.documents[d.DocumentID] = c
	return catalog.Change{Document: &c}
}

// permit changes who may read a document, and nothing else of it.
func (w *world) permit(id catalog.DocumentID, a catalog.Access) catalog.Change {
	c := w.documents[id]
	c.Document.Access = a
	w.documents[id] = c
	return catalog.Change{Document: &catalog.DocumentChange{Document: c.Document}}
}

// embed gives the passages of a document vectors, instead of any they had, and changes
// nothing else of it.
func (w *world) embed(id catalog.DocumentID, space string, vectors ...[]float32) catalog.Change {
	c := w.documents[id]
	c.Document.VectorSpace, c.Document.Pending = space, false
	c.Passages = slices.Clone(c.Passages)
	for i := range c.Passages {
		c.Passages[i].Vector = vectors[i]
	}
	w.documents[id] = c
	return catalog.Change{Document: &c}
}

func (w *world) delete(id catalog.DocumentID) catalog.Change {
	d := w.documents[id].Document
	delete(w.documents, id)
	return catalog.Change{Document: &catalog.DocumentChange{
		Document: catalog.Document{DocumentID: id, Version: d.Version + 1, State: catalog.Deleted},
	}}
}

func (w *world) putContainer(c catalog.Container) catalog.Change {
	w.containers[c.DocumentID] = c
	return catalog.Change{Container: &c}
}

// furnish puts the containers there.
func (w *world) furnish(g *generator) indexer.Batch {
	var changes []catalog.Change
	for _, source := range sources {
		for _, id := range containers {
			changes = append(changes, w.putContainer(g.container(source, id)))
		}
	}
	return w.commit(changes...)
}

func (g *generator) container(source, id string) catalog.Container {
	c := catalog.Container{DocumentID: catalog.DocumentID{Source: source, ID: id}, Policy: g.policy()}
	if id != "top" && id != "island" {
		c.Parent = "top"
	}
	return c
}

// step is one random change of the world.
func (w *world) step(g *generator) catalog.Change {
	id := g.documentID()
	old, known := w.documents[id]
	switch {
	case g.chance(5):
		return w.putContainer(g.container(pick(g, sources), pick(g, containers)))
	case known && g.chance(20):
		return w.delete(id)
	case known && g.chance(50):
		return w.permit(id, g.access())
	case known && g.chance(30):
		vectors := make([][]float32, len(old.Passages))
		for i := range vectors {
			if !g.chance(5) { // not every text has one
				vectors[i] = g.vector()
			}
		}
		return w.embed(id, pick(g, []string{Space, Space, Space, otherSpace}), vectors...)
	}
	d := catalog.Document{DocumentID: id, Version: old.Document.Version + 1, Title: g.word(), Access: g.access()}
	passages := make([]catalog.Passage, 1+g.IntN(3))
	d.VectorSpace = pick(g, []string{Space, Space, Space, Space, Space, Space, otherSpace, ""})
	for i := range passages {
		passages[i].Text = g.text()
		if d.VectorSpace != "" && !g.chance(5) { // a few wait for their embedding
			passages[i].Vector = g.vector()
		}
	}
	return w.put(d, passages)
}

// admitted are the documents that the view may read, decided by acl and not by the table.
func (w *world) admitted(v acl.View) []catalog.DocumentChange {
	var list []catalog.DocumentChange
	ids := slices.SortedFunc(maps.Keys(w.documents), catalog.DocumentID.Compare)
	for _, id := range ids {
		d := w.documents[id].Document
		chain, dangling := d.Chain(func(c string) (catalog.Container, bool) {
			found, ok := w.containers[catalog.DocumentID{Source: id.Source, ID: c}]
			return found, ok
		})
		if v.Admits(acl.Access{Chain: chain, Dangling: dangling, Source: id.Source, Sensitivity: d.Access.Label()}) {
			list = append(list, w.documents[id])
		}
	}
	return list
}

// all is a view of everything that the world holds.
func (w *world) all() *indexer.Visible {
	c := acl.DefaultScale.UpTo(acl.DefaultScale.Top())
	v, err := w.directory.View(acl.Identity{
		User: "user:local/omniscient", App: "service:app", Clearance: c, Scope: acl.Scope{AllSources: true, Clearance: c},
	}, now)
	if err != nil {
		panic(err) // the identity is well formed
	}
	return w.table.Visible(v)
}

// everyone is access for all.
var everyone = catalog.Access{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}}
