package catalog

import (
	"time"

	"github.com/muniment/muniment/acl"
)

// Mutation is one change asked of a store: PutDocument, PutAccess, DeleteDocument,
// SeeDocument, PutVectors, VerifyDocument, SettleConflict, PutContainer, PutGroup, PutEntry,
// PutSource, StartSync, CommitSync, AbortSync or CollectTombstones.
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
// tombstone for a document that the store does not know.
type DeleteDocument struct {
	Document DocumentID
	Version  int64
}

// PutContainer stores a container. Version 0 always applies.
type PutContainer struct{ Container Container }

// PutGroup replaces a group's members. It is refused with ErrProvisioned if a provisioning
// client keeps the group: if it has an entry that is not Removed.
type PutGroup struct {
	Group   acl.Principal
	Members []acl.Principal
}

// SeeDocument marks a document as seen by the open sync session of its source, if there
// is one. With Stored, it is refused with ErrNotStored unless that very version is present;
// without, the source has the document but its line could not be taken. Either way the
// document is marked.
type SeeDocument struct {
	Document DocumentID
	Stored   bool
	Version  int64
}

// PutVectors gives the passages of a stored content their vectors, instead of those they
// have. It is refused with ErrNotStored unless the document is present in that version and
// as many passages. It is no line of the source: it counts neither as a change of it nor
// for its sync session.
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

// CommitSync removes what is present and was not seen, leaving tombstones at the stored
// versions, and ends the session. It is refused
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
// session is not the open one or has expired; an empty Session means whichever is open.
type AbortSync struct {
	Source  string
	Session string
	Error   string // noted as the source's error if not empty
}

// CollectTombstones drops the tombstones of a source that were left before an instant,
// oldest first, at most Limit of them, and raises the source's Collected to the highest
// version among them: what the store then does not know and is not newer counts as deleted.
//
// That takes versions that can be compared between documents, so nothing is dropped unless
// the source has one of the time clocks. Nor is a tombstone whose version is no time since
// 1970 or lies in the future, which would shut out what is new, nor one that a reader may
// still ask for: the history that a store keeps, leases and running calls of Changes hold
// it. An access register that has a version outlives its tombstone as AccessOnly, because
// older access lines may still come; one without a version goes with it, and a document
// that comes back says anew who may read it.
type CollectTombstones struct {
	Source string
	Before time.Time
	Limit  int
}

func (PutDocument) mutation()       {}
func (PutAccess) mutation()         {}
func (DeleteDocument) mutation()    {}
func (SeeDocument) mutation()       {}
func (PutVectors) mutation()        {}
func (PutContainer) mutation()      {}
func (PutGroup) mutation()          {}
func (PutSource) mutation()         {}
func (StartSync) mutation()         {}
func (CommitSync) mutation()        {}
func (AbortSync) mutation()         {}
func (CollectTombstones) mutation() {}
