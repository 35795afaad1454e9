// Package catalog defines the truth: documents with their owners, policies, dates and
// versions, the groups and containers that policies refer to, and a rising revision for
// every change. Everything else is derived from it and can be thrown away.
//
// A Store commits mutations and hands out Snapshots, each pinned at one revision. There is
// no way to read a document without saying who is asking: every read takes an acl.View,
// and what the view does not admit is absent. The one reader without a view is Changes,
// from which indexes are kept level and rebuilt.
package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"iter"
	"time"

	"github.com/muniment/muniment/acl"
)

// Revision numbers the commits of one store: a later commit has a greater revision,
// without exception. The empty store is at revision 0.
type Revision uint64

// Store keeps the truth durably.
type Store interface {
	// Commit applies the mutations in order, all in one revision that is durable when it
	// returns, or none. A mutation that is refused (an old version, say) changes nothing
	// and fails neither the commit nor its neighbours: its Outcome says so. The outbox
	// records made by audit from the outcomes are stored in the same commit. A commit in
	// which nothing changed takes no new revision. What it notes beside, that a request was
	// answered or a document seen, say, is durable all the same when it returns. Errors: ErrFull,
	// ErrPoisoned.
	Commit(ctx context.Context, c Commit) (Committed, error)
	// Snapshot pins a revision that has been committed and not pruned; 0 means the newest.
	// Its views withhold what the sources' settings and syncs say when it is pinned, and so is
	// what it expects of them.
	// Errors: ErrPruned, ErrFuture.
	Snapshot(ctx context.Context, at Revision) (Snapshot, error)
	// Changes yields, ordered by revision, the newest state of everything that changed
	// after the revision; after 0 it is a rebuild. It ends at the newest revision of the
	// moment it is called. Passages and vectors are read for Contents alone. Error: ErrPruned
	// if a tombstone that came after the revision has been dropped, which a rebuild misses
	// nothing by.
	Changes(ctx context.Context, after Revision, part Part) iter.Seq2[Change, error]
	// Sources returns the sources heard of, by name, as they stand now. A store has no clock:
	// a session that has expired since its last line is among them.
	Sources(ctx context.Context) ([]Source, error)
	// Outbox yields the audit records that have been committed and not yet been taken,
	// oldest first; Take removes those up to and including a sequence.
	Outbox() Outbox
	// ID names the history that the store's revisions number. Two stores have different ones,
	// and so have a store and a copy of it that has lost some of its history (see Outbox).
	ID() ID
	// Close waits for running calls and releases the store.
	Close() error
}

// ID names the history of one store: what is derived from a revision of one is nothing to
// another. The zero ID names none.
type ID [16]byte

// NewID returns an ID that nothing else has.
func NewID() (id ID) {
	rand.Read(id[:]) // never fails
	return id
}

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Part says how much of each change is read.
type Part uint8

// The parts.
const (
	Records  Part = iota // documents without their passages
	Contents             // passages and vectors too
)

// Snapshot reads the store at one revision. Each read returns only what the view admits;
// hidden, deleted and never-existing documents are equally absent.
type Snapshot interface {
	// Revision is the one the snapshot is pinned at.
	Revision() Revision
	// View resolves the caller's groups at this revision and returns what the caller may
	// read at the instant. Errors: those of acl.Directory.View.
	View(caller acl.Identity, at time.Time) (acl.View, error)
	// Documents returns the admitted documents among ids, in the order of ids, absent
	// ones left out.
	Documents(ctx context.Context, view acl.View, ids []DocumentID) ([]Document, error)
	// Passages returns the admitted passages among ids, in the order of ids, absent ones
	// and those of another than the current version left out. Whole documents are not
	// loaded.
	Passages(ctx context.Context, view acl.View, ids []PassageID) ([]Passage, error)
	// Contents yields every admitted document with its passages and their vectors, each once,
	// in any order: what an index of the view alone is made from. Documents are read a few at
	// a time, so who stops early has not read the rest.
	Contents(ctx context.Context, view acl.View) iter.Seq2[DocumentChange, error]
	// Text returns the original text of an admitted document. Error: ErrNotFound.
	Text(ctx context.Context, view acl.View, id DocumentID) (string, error)
	// Standing returns how a document stands and who may read it, whoever asks. It holds
	// nothing of what the document says, and is for the record and those who look after it.
	// Error: ErrNotFound if nothing was ever heard of the document, or its tombstone was
	// dropped.
	Standing(ctx context.Context, id DocumentID) (Standing, error)
	// Expected is what is expected of a source, as its settings and syncs were when the snapshot
	// was pinned, whatever the revision.
	Expected(source string) Expectation
	// Directory is the groups at this revision. It holds nothing of documents, but is for
	// callers with a role alone: who is in which group is not everybody's to know.
	Directory() *acl.Directory
	// Group returns a group's direct members. It is no document: callers need the
	// directory role. Error: ErrNotFound.
	Group(name acl.Principal) ([]acl.Principal, error)
	// Entries returns all entries, removed ones too, by principal. They are for provisioning
	// clients alone, each to see those of its own issuer.
	Entries(ctx context.Context) ([]Entry, error)
	// Close gives the revision free to be pruned.
	Close() error
}

// Outbox holds the audit records of committed changes until the audit log has them, so
// that a change and its record cannot part.
type Outbox interface {
	// Pending yields the records not yet taken, oldest first.
	Pending(ctx context.Context) iter.Seq2[OutboxRecord, error]
	// Take removes the records up to and including the sequence. A sequence beyond the newest
	// record says that the store is an old copy: its log has records of changes that it has
	// lost. Neither those sequences nor as many revisions are then given out again, and the
	// store takes another ID.
	Take(ctx context.Context, through uint64) error
}

// OutboxRecord is one record that waits for the audit log.
type OutboxRecord struct {
	Sequence uint64 // strictly rising over the life of the store
	Body     []byte
}

// Commit is what Store.Commit takes.
type Commit struct {
	Mutations []Mutation
	// Requests names the mutations: one for each, or none at all.
	Requests []Request
	// Record makes the audit records of Mutations[i], which has been applied. Nil leaves no
	// record; only tests do so. It is called inside the commit, must be quick and do no I/O.
	Record func(at Revision, i int, o Outcome) [][]byte
	// At is the time of the commit: the synced clocks are set to it, and sessions, requests
	// and versions that are times are judged by it.
	At time.Time
}

// Committed is what became of a Commit.
type Committed struct {
	Revision Revision  // the newest revision after the commit
	Outcomes []Outcome // one for each mutation, in order
}

// Errors of stores and snapshots.
var (
	ErrNotFound = errors.New("catalog: not found")
	ErrPruned   = errors.New("catalog: the revision is no longer kept")
	ErrFuture   = errors.New("catalog: the revision has not been committed yet")
	ErrDamaged  = errors.New("catalog: the stored data is damaged")
	ErrLocked   = errors.New("catalog: another process holds the data directory")
	// ErrFull says that a commit did not fit on the disk: nothing has changed, reads go on,
	// and commits succeed again as soon as there is room.
	ErrFull = errors.New("catalog: the disk is full: nothing was changed; free space, and send it again")
	// ErrPoisoned says that a write failed in a way that leaves it unknown what is on disk.
	// From then on no commit is taken, and reads serve what was published before. Opening
	// the store anew finds out what is there.
	ErrPoisoned = errors.New("catalog: a write failed and what is on disk is unknown: restart the server")
)
