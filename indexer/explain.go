package indexer

import (
	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// Explanation is why a view may or may not read a document.
type Explanation struct {
	acl.Proof
	Containers []catalog.Container // of Nodes[1:], in order
	Dangling   string              // the container that ends the chain though it should not, "" if none does
}

// Explain decides for the view and says why. It reports false if the document is not
// present. It tells who may read, not what stands there; that is for admins and stewards.
func (t *Table) Explain(id catalog.DocumentID, view acl.View) (Explanation, bool) {
	e, ok := t.documents.get(id)
	if !ok {
		return Explanation{}, false
	}
	lookup := t.lookup(id.Source)
	d := e.document()
	path, dangling := d.Containers(lookup)
	return Explanation{Proof: view.Explain(d.Governed(lookup)), Containers: path, Dangling: dangling}, true
}

// Access is what decides who may read the document: all of it, and the document's own part,
// of which documents that are governed alike share the policy. It reports false if the
// document is not present.
func (t *Table) Access(id catalog.DocumentID) (whole acl.Access, own catalog.Access, ok bool) {
	e, ok := t.documents.get(id)
	if !ok {
		return acl.Access{}, catalog.Access{}, false
	}
	return t.access(e.governance), e.document().Access, true
}

// lookup returns the containers of a source by their ids.
func (t *Table) lookup(source string) func(id string) (catalog.Container, bool) {
	return func(id string) (catalog.Container, bool) {
		return t.containers.get(catalog.DocumentID{Source: source, ID: id})
	}
}

// Effect is what a change of access does to one caller.
type Effect struct{ Gained, Lost int } // documents

// Preview is a change of access that is thought of, ready to be asked about callers.
type Preview struct {
	Documents int // concerned by the change
	kinds     []previewed
}

// previewed is the documents that are governed alike before the change, and so after it.
type previewed struct {
	before, after acl.Access
	documents     int
}

// PreviewAccess is the change of one document's access. It reports false if the document
// is not present.
func (t *Table) PreviewAccess(m catalog.PutAccess) (Preview, bool) {
	e, ok := t.documents.get(m.Document)
	if !ok {
		return Preview{}, false
	}
	m.Access.Version = e.accessVersion
	d := e.document()
	next, _ := m.Next(*d, catalog.Source{}, d.ACLSynced)
	lookup := t.lookup(m.Document.Source)
	return Preview{1, []previewed{{d.Governed(lookup), next.Governed(lookup), 1}}}, true
}

// PreviewContainer is the change of a container, for every document in it and below.
func (t *Table) PreviewContainer(next catalog.Container) Preview {
	lookup := t.lookup(next.Source)
	changed := func(id string) (catalog.Container, bool) {
		if id == next.ID {
			return next, true
		}
		return lookup(id)
	}
	p := Preview{}
	kinds := map[*governance]int{}
	for e := range t.documents.all() {
		if e.Source != next.Source {
			continue
		}
		i, seen := kinds[e.governance]
		if !seen {
			i = -1
			before, after := e.reaches(next.ID, lookup), e.reaches(next.ID, changed)
			if before || after {
				i = len(p.kinds)
				d := e.document()
				p.kinds = append(p.kinds, previewed{before: d.Governed(lookup), after: d.Governed(changed)})
			}
			kinds[e.governance] = i
		}
		if i >= 0 {
			p.kinds[i].documents++
			p.Documents++
		}
	}
	return p
}

// reaches reports whether the document lies in the container or below it.
func (e *entry) reaches(container string, lookup func(string) (catalog.Container, bool)) bool {
	path, dangling := e.document().Containers(lookup)
	for _, c := range path {
		if c.ID == container {
			return true
		}
	}
	return dangling == container
}

// Kinds is how many different decisions each caller costs.
func (p Preview) Kinds() int { return len(p.kinds) }

// On is what the change does to the view, whether its sources are withheld or not.
func (p Preview) On(view acl.View) (e Effect) {
	view = view.Regardless()
	for _, k := range p.kinds {
		switch before, after := view.Admits(k.before), view.Admits(k.after); {
		case after && !before:
			e.Gained += k.documents
		case before && !after:
			e.Lost += k.documents
		}
	}
	return e
}

// Named are the users and services that the policies concerned name, before or after the
// change, each once.
func (p Preview) Named() (list []acl.Principal) {
	seen := map[acl.Principal]bool{}
	for _, k := range p.kinds {
		for _, a := range []acl.Access{k.before, k.after} {
			for _, policy := range a.Chain {
				for name := range policy.Principals() {
					if kind := name.Kind(); (kind == acl.User || kind == acl.Service) && !seen[name] {
						seen[name] = true
						list = append(list, name)
					}
				}
			}
		}
	}
	return list
}
