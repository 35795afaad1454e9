package catalog

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/muniment/muniment/acl"
)

// Mutation is one change asked of a store: PutDocument, PutAccess, DeleteDocument,
// SeeDocument, PutVectors, PutContainer, PutGroup, PutSource, StartSync, CommitSync or
// AbortSync.
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

// SeeDocument marks a document as seen by the open sync session of its source, if there
// is one. With Stored, it is refused with ErrNotStored unless that very version is present;
// without, the source has the document but its line could not be taken.
type SeeDocument struct {
	Document DocumentID
	Stored   bool
	Version  int64
}

// PutVectors gives the passages of a stored content their vectors. It is refused with
// ErrNotStored unless the document is present in that version and as many passages.
type PutVectors struct {
	Document DocumentID
	Version  int64
	Space    string
	Vectors  [][]float32 // one for each passage in order, nil for a passage that has none
}

// PutSource replaces what is expected of a source, and registers it if it is new.
type PutSource struct {
	Source   string
	Settings SourceSettings
}

// StartSync opens a sync session on a source. It is refused with ErrSyncOpen if another
// is open and has not expired, unless both were asked for by the same principal under the
// same Request, which is not empty: then the open session stays.
type StartSync struct {
	Source  string
	Session Session // ID, By, Life and Request; the store sets the times
}

// CommitSync removes what is present and was not seen, and ends the session. It is refused
// with ErrSyncUnknown if the session is not the open one or has expired, with
// ErrSyncIncomplete if fewer than Documents were seen, and with ErrSyncRemoves if more would
// be removed than both Allow and the share of what is present. A refusal other than the
// first is noted as the source's error; the session stays open.
type CommitSync struct {
	Source    string
	Session   string
	Documents int     // how many the source has
	Allow     int     // removals confirmed
	Share     float64 // of the source's present documents that may go unconfirmed, 0 to 1
}

// AbortSync ends a session and removes nothing. It is refused with ErrSyncUnknown if the
// session is not the open one; an empty Session means whichever is open.
type AbortSync struct {
	Source  string
	Session string
	Error   string // noted as the source's error if not empty
}

func (PutDocument) mutation()    {}
func (PutAccess) mutation()      {}
func (DeleteDocument) mutation() {}
func (SeeDocument) mutation()    {}
func (PutVectors) mutation()     {}
func (PutContainer) mutation()   {}
func (PutGroup) mutation()       {}
func (PutSource) mutation()      {}
func (StartSync) mutation()      {}
func (CommitSync) mutation()     {}
func (AbortSync) mutation()      {}

// Request names a mutation among all that one caller asks for, so that asking again is
// harmless. For RequestLife after the first, the same name with the same payload gives the
// first outcome again and does nothing, and with another payload is refused with
// ErrRequestReused. The zero Request is not remembered.
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
	// Removed are the documents that CommitSync has removed, as they were.
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
	ErrSyncRemoves    = errors.New("catalog: the sync session would remove too many documents")
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
