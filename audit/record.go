package audit

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxBody is the largest body of one record in bytes.
const MaxBody = 4 << 20

// Errors of records that were not appended.
var (
	ErrRecord = errors.New("audit: invalid record")          // a required field is missing or a limit passed
	ErrOutbox = errors.New("audit: outbox sequence not new") // the outbox record is in the log already
)

// Kind says what a record is about.
type Kind string

// The kinds of records. Others may be added; a verifier accepts kinds it does not know.
const (
	KindRetrieve Kind = "retrieve" // passages were answered
	KindRead     Kind = "read"     // a document or passage was read
	KindChange   Kind = "change"   // the catalog changed
	KindStart    Kind = "start"    // a server started
	KindRefuse   Kind = "refuse"   // calls were refused or failed, or items of a stream were
	KindToken    Kind = "token"    // a token was issued
	KindErase    Kind = "erase"    // bodies of earlier records were erased
	KindRotate   Kind = "rotate"   // another key signs the log from here on
	KindOperate  Kind = "operate"  // the operator did something: a check, a rebuild, a backup, a restore
	KindAnswer   Kind = "answer"   // an app reported what it told somebody
)

// Record is the body of one entry; it is stored as JSON in the order of these fields.
type Record struct {
	ID        string     `json:"id"`               // unique; NewID for requests, "change/<revision>/<n>" for catalog changes
	Time      time.Time  `json:"time"`             // stored in UTC
	Kind      Kind       `json:"kind"`             // never empty
	App       string     `json:"app,omitempty"`    // the application's principal
	User      string     `json:"user,omitempty"`   // the end user's principal
	Chain     []string   `json:"chain,omitempty"`  // act chain
	Groups    *Groups    `json:"groups,omitempty"` // where the user's come from; nil of changes, and where it was not recorded
	Outbox    uint64     `json:"outbox,omitempty"` // sequence of the catalog's outbox record, 0 if none; strictly rising over the log
	Retrieval *Retrieval `json:"retrieval,omitempty"`
	Read      *Read      `json:"read,omitempty"`
	Change    *Change    `json:"change,omitempty"`
	Erasure   *Erasure   `json:"erasure,omitempty"` // set by Log.Erase alone
	Operation *Operation `json:"operation,omitempty"`
	Answer    *Answer    `json:"answer,omitempty"`
	Refusal   *Refusal   `json:"refusal,omitempty"`
	Rotation  *Rotation  `json:"rotation,omitempty"` // set by Open alone
}

// Retrieval pins what an answer was made of.
type Retrieval struct {
	QueryHash    string          `json:"query_hash"`        // keyed hash, made by the caller
	Query        string          `json:"query,omitempty"`   // plaintext; leaves with the body when that is erased
	Options      json.RawMessage `json:"options,omitempty"` // of the request, as JSON
	Revision     uint64          `json:"revision"`          // of the catalog, which holds the directory too
	Ranking      string          `json:"ranking,omitempty"` // configuration that ranked
	VectorSpace  string          `json:"vector_space,omitempty"`
	VectorWeight float64         `json:"vector_weight,omitempty"` // the vectors' share in a score, 0 to 1
	Degradations []string        `json:"degradations,omitempty"`
	Withheld     []string        `json:"withheld,omitempty"` // sources
	Sources      []Source        `json:"sources,omitempty"`  // in the order of the answer
	Conflicts    int             `json:"conflicts,omitempty"`
	Caller       *Caller         `json:"caller,omitempty"` // nil in records of older servers
	// Expected is what the judgement took from the sources, by name.
	Expected map[string]Expectation `json:"expected,omitempty"`
}

// Expectation is what was expected of a source.
type Expectation struct {
	ReviewInterval time.Duration `json:"review_interval,omitempty"` // of documents that have none of their own
	Cadence        time.Duration `json:"cadence,omitempty"`         // how often it promises to be synced
	LastSync       time.Time     `json:"last_sync,omitzero"`
}

// Caller is what a token said of whom it was made for, beside user, app and chain: what decided, with
// the catalog, what the user could read.
type Caller struct {
	Roles     []string `json:"roles,omitempty"`
	Guest     bool     `json:"guest,omitempty"`     // everyone does not include the user
	Clearance []string `json:"clearance,omitempty"` // the labels the user was cleared for, in order
	Scope     *Scope   `json:"scope,omitempty"`     // the app's; nil in records of older servers
}

// Scope is what an app could reach, whoever it acted for.
type Scope struct {
	AllSources bool     `json:"all_sources,omitempty"`
	Sources    []string `json:"sources,omitempty"`   // else these, in order
	Clearance  []string `json:"clearance,omitempty"` // the labels the app was cleared for, in order
}

// Source is one passage of an answer.
type Source struct {
	Source      string  `json:"source"`
	ID          string  `json:"id"`
	Version     int64   `json:"version"`
	ContentHash string  `json:"content_hash"`
	Start       int     `json:"start"` // span in the document's text, in the catalog's unit
	End         int     `json:"end"`
	Rank        int     `json:"rank"`
	Score       float64 `json:"score"`           // finite
	State       string  `json:"state,omitempty"` // freshness at that time

	Ordinal       int    `json:"ordinal,omitempty"`        // of the passage in its version
	URI           string `json:"uri,omitempty"`            // of the document, as it was returned
	AccessVersion int64  `json:"access_version,omitempty"` // of the document's own policy
	Policies      string `json:"policies,omitempty"`       // acl.Access.Digest of all that decided, in hexadecimal
	ConflictsWith []int  `json:"conflicts_with,omitempty"` // the ranks of the passages that contradict it, rising
}

// Read names a document whose text left.
type Read struct {
	Source      string `json:"source"`
	ID          string `json:"id"`
	Version     int64  `json:"version"`
	ContentHash string `json:"content_hash"`
}

// Change names one change of the catalog.
type Change struct {
	Revision    uint64 `json:"revision"`
	Op          string `json:"op"`
	Source      string `json:"source,omitempty"`
	ID          string `json:"id,omitempty"`
	Version     int64  `json:"version,omitempty"`
	ContentHash string `json:"content_hash,omitempty"`
	With        string `json:"with,omitempty"`    // of a conflict, the other document: source/id
	Verdict     string `json:"verdict,omitempty"` // of a conflict, what a steward said
	Note        string `json:"note,omitempty"`    // what whoever did it said of it; leaves with the body when that is erased
}

// Erasure names the earlier entries whose bodies were erased. It is what makes their erasure
// markers legitimate: Verify reports a marker that no such record names.
type Erasure struct {
	Indexes []int64 `json:"indexes"`
	Reason  string  `json:"reason"`
}

// Operation is what the operator did to the server as a whole.
type Operation struct {
	Name   string `json:"name"`             // "check", "rebuild", "backup", "restore"
	Detail string `json:"detail,omitempty"` // which index, or which backup
}

// Refusal is what callers got instead of answers. It holds nothing that they sent but the
// method's name.
type Refusal struct {
	Method string `json:"method,omitempty"` // full name; empty if several are counted together
	Code   string `json:"code"`             // of the status: "PERMISSION_DENIED"
	Reason string `json:"reason"`           // of its ErrorInfo: "MISSING_ROLE"
	Limit  string `json:"limit,omitempty"`  // which one, if the reason is one
	Item   bool   `json:"item,omitempty"`   // items of streams were refused, and their calls went on
	// Count is how many are counted together, within a second from Time on; 0 of a single call,
	// which is the one with the record's id.
	Count int64 `json:"count,omitempty"`
}

// NewID returns a random 128-bit identifier in hexadecimal.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// encode returns the record's stored form, or ErrRecord naming the field.
func (r *Record) encode() ([]byte, error) {
	switch {
	case r.ID == "":
		return nil, fmt.Errorf("%w: id is empty", ErrRecord)
	case r.Kind == "":
		return nil, fmt.Errorf("%w: kind is empty", ErrRecord)
	case r.Time.IsZero():
		return nil, fmt.Errorf("%w: time is zero", ErrRecord)
	}
	if r.Time.Location() != time.UTC {
		utc := *r
		utc.Time = r.Time.UTC()
		r = &utc
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: body has %d bytes, the limit is %d", ErrRecord, len(body), MaxBody)
	}
	return body, nil
}
