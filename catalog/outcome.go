package catalog

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/muniment/muniment/acl"
)

// Request names a mutation among all that one caller asks for, so that asking again is
// harmless. For RequestLife after the first, the same name with the same payload gives the
// first outcome again and does nothing, and with another payload is refused with
// ErrRequestReused. Every outcome is remembered but that refusal: what was refused once is
// not applied by asking again. A line that is asked again, or refused so, still marks its
// document as seen by the open sync session, because the source has it. A Request without
// an ID is not remembered.
type Request struct {
	By      string // who asks: user and app
	ID      string
	Payload [sha256.Size]byte // a hash of all that is asked
}

// RequestLife is how long a request is remembered.
const RequestLife = 24 * time.Hour

// Outcome is what became of one mutation.
type Outcome struct {
	// Refused is nil or one of the errors below; a refused mutation changed nothing that a
	// reader could see.
	Refused error
	// Replayed says that this is the outcome of an earlier mutation with the same Request.
	// Document, Source and Removed are then left out.
	Replayed bool
	// Changed says that something was stored; a repetition of what is there is not.
	Changed bool
	// AccessKept says that the line's access fields were older than the stored ones.
	AccessKept bool
	// UnknownContainer names the container the document or container lies in, if the
	// store does not know it: a parent that admits nobody.
	UnknownContainer string
	// Document is the stored record after the mutation, for document mutations.
	Document *Document
	// Source is the source after the mutation, for source and sync mutations, with its
	// counts as they were before anything was removed.
	Source *Source
	// Removed are the documents that CommitSync has removed, by id, or the tombstones that
	// CollectTombstones has dropped, oldest first, as they were.
	Removed []Document
}

// Why a mutation was refused.
var (
	ErrVersionStale   = errors.New("catalog: the version is older than the stored one")
	ErrVersionReused  = errors.New("catalog: the version is stored already with other content")
	ErrVersionFuture  = errors.New("catalog: the version is a time in the future")
	ErrNotStored      = errors.New("catalog: that version of the document is not stored")
	ErrRequestReused  = errors.New("catalog: the request id was used for something else")
	ErrSyncOpen       = errors.New("catalog: another sync session of the source is open")
	ErrSyncUnknown    = errors.New("catalog: the sync session is not open")
	ErrSyncIncomplete = errors.New("catalog: the sync session has not seen all documents")
	ErrProvisioned    = errors.New("catalog: the group is kept by a provisioning client")
	ErrSyncRemoves    = errors.New("catalog: the sync session would remove too many documents")
	ErrContentChanged = errors.New("catalog: the document has another text by now")
	ErrSettlements    = errors.New("catalog: too many conflicts of the document are settled")
)

// Change is the newest state of one thing that changed. Exactly one of the pointers is
// set.
type Change struct {
	Revision  Revision
	Document  *DocumentChange
	Container *Container
	Group     *acl.Change
	Entry     *Entry
}

// DocumentChange carries the document's newest record and, if it is Present and its
// content or its vectors came after the revision asked for, its passages with their
// vectors.
type DocumentChange struct {
	Document Document
	Passages []Passage // nil if neither its content nor its vectors changed
}

// Size is how many bytes the passages' texts and vectors are.
func (c DocumentChange) Size() (n int) {
	for _, p := range c.Passages {
		n += len(p.Text) + 4*len(p.Vector)
	}
	return n
}
