package catalog

import (
	"errors"

	"github.com/muniment/muniment/acl"
)

// Mutation is one change asked of a store: PutDocument, PutAccess, DeleteDocument,
// PutContainer or PutGroup.
type Mutation interface{ mutation() }

// PutDocument stores a document version with its text and passages. Document's fields
// below "Set by the store" are ignored; LineHash must cover everything else of the line.
// Passages need no ID and no Row.
type PutDocument struct {
	Document Document
	Text     string
	Passages []Passage
	Access   AccessPatch
}

// PutAccess changes only who may read a document; it is stored for unknown documents too.
type PutAccess struct {
	Document DocumentID
	Access   AccessPatch
}

// AccessPatch is what a line says of a document's access. Nil fields keep what is stored.
// It applies as a whole if Version is at least the stored access version, else not at all.
type AccessPatch struct {
	Version     int64
	Policy      *acl.Policy
	Container   *string
	Sensitivity *string
}

// Empty reports whether the patch names no field.
func (p AccessPatch) Empty() bool {
	return p.Policy == nil && p.Container == nil && p.Sensitivity == nil
}

// DeleteDocument deletes a document if Version is at least the stored one, and leaves a
// tombstone either way.
type DeleteDocument struct {
	Document DocumentID
	Version  int64
}

// PutContainer stores a container. Version 0 always applies.
type PutContainer struct{ Container Container }

// PutGroup replaces a group's members.
type PutGroup struct {
	Group   acl.Principal
	Members []acl.Principal
}

func (PutDocument) mutation()    {}
func (PutAccess) mutation()      {}
func (DeleteDocument) mutation() {}
func (PutContainer) mutation()   {}
func (PutGroup) mutation()       {}

// Outcome is what became of one mutation.
type Outcome struct {
	// Refused is nil, ErrVersionStale or ErrVersionReused; a refused mutation changed
	// nothing.
	Refused error
	// Changed says that something was stored; a repetition of what is there is not.
	Changed bool
	// AccessKept says that the line's access fields were older than the stored ones.
	AccessKept bool
	// UnknownContainer names the container the document or container lies in, if the
	// store does not know it: a parent that admits nobody.
	UnknownContainer string
	// Document is the stored record after the mutation, for document mutations.
	Document *Document
}

// Why a mutation was refused.
var (
	ErrVersionStale  = errors.New("catalog: the version is older than the stored one")
	ErrVersionReused = errors.New("catalog: the version is stored already with other content")
)

// Change is the newest state of one thing that changed. Exactly one of the pointers is
// set.
type Change struct {
	Revision  Revision
	Document  *DocumentChange
	Container *Container
	Group     *acl.Change
}

// DocumentChange carries the document's newest record and, if it is Present and its
// content changed after the revision asked for, its passages with their vectors.
type DocumentChange struct {
	Document Document
	Passages []Passage // nil if only its access changed
}
