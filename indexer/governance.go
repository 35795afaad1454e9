package indexer

import (
	"encoding/binary"
	"slices"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// governance is one distinct set of facts that decide who may read.
type governance struct {
	source      string
	policy      *acl.Policy
	container   string
	sensitivity string
}

func governed(d *catalog.Document) *governance {
	return &governance{d.Source, d.Access.Policy, d.Access.Container, d.Access.Label()}
}

// access is the governance in the form acl decides on.
func (t *Table) access(g *governance) acl.Access {
	d := catalog.Document{
		DocumentID: catalog.DocumentID{Source: g.source},
		Access:     catalog.Access{Policy: g.policy, Container: g.container, Sensitivity: g.sensitivity},
	}
	return d.Governed(t.lookup(g.source))
}

// key holds every deciding fact whole: a lossy key would share a decision between documents
// that differ.
func (g *governance) key() string {
	policy, err := canonical.Marshal(g.policy)
	if err != nil {
		panic("indexer: encoding a policy: " + err.Error()) // plain data always encodes
	}
	var key []byte
	for _, part := range []string{g.source, g.container, g.sensitivity, string(policy)} {
		key = append(binary.AppendUvarint(key, uint64(len(part))), part...)
	}
	return string(key)
}

// intern returns the number of the document's governance, a new one if it is the first of
// its kind.
func (e *tableEdit) intern(d *catalog.Document) uint32 {
	g := governed(d)
	key := g.key()
	if n, ok := e.interned.get(key); ok {
		return n
	}
	n := uint32(len(e.governances))
	e.grow()
	e.governances, e.uses = append(e.governances, g), append(e.uses, 0)
	e.unused++
	e.interned.set(key, n)
	return n
}

// number is that of the governance of a document with passages.
func (e *tableEdit) number(d *entry) uint32 {
	row := d.rows.First
	return e.cells[row/ChunkRows].governance[row%ChunkRows] - 1
}

// use counts by more documents with passages that have the governance.
func (e *tableEdit) use(number uint32, by int32) {
	e.grow()
	before := e.uses[number]
	switch e.uses[number] += by; {
	case before == 0:
		e.unused--
	case e.uses[number] == 0:
		e.unused++
	}
}

// grow makes governances and uses the edit's own: an append in place could write where
// another copy of the table looks.
func (e *tableEdit) grow() {
	if !e.grown {
		e.governances, e.uses, e.grown = slices.Clip(e.governances), slices.Clone(e.uses), true
	}
}

// spare is how many governances may be without a use before it is worth a look.
const spare = 64

// renumber drops the governances that no document has any more, once they are most of all.
// Each costs every view a decision, and a document may have many of them in its life. All
// cells are copied for it, so it happens seldom: only after as many changes of access as
// there are governances in use.
func (e *tableEdit) renumber() {
	if e.unused <= spare || 2*e.unused <= len(e.governances) {
		return
	}
	numbers := make([]uint32, 1+len(e.governances)) // by what cells hold, what they are to hold
	var kept []*governance
	var uses []int32
	interned := (sharded[string, uint32]{}).edit()
	for i, g := range e.governances {
		if e.uses[i] > 0 {
			interned.set(g.key(), uint32(len(kept)))
			kept, uses = append(kept, g), append(uses, e.uses[i])
			numbers[1+i] = uint32(len(kept))
		}
	}
	for i, c := range e.cells {
		if c == nil {
			continue
		}
		own := e.own(i)
		for j, n := range own.governance {
			own.governance[j] = numbers[n]
		}
	}
	e.governances, e.uses, e.interned, e.unused = kept, uses, interned, 0
	e.numbered = e.generation
}
