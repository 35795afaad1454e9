package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// walk checks a log from its first record to its last. Verify and VerifyExport feed it.
type walk struct {
	tree      Tree
	hashes    []tlog.Hash // scratch of add
	trust     *trust
	signed    []signed // verified checkpoints whose roots must come out, by size
	unopened  []unopened
	proven    int64 // size of the largest signed tree that came out
	ids       map[[16]byte]struct{}
	outbox    uint64
	erased    int64
	unvouched map[int64]struct{} // erasure markers that no erasure record has named yet
	outside   string             // what is wrong with the checkpoints as such
	report    Report
}

func newWalk(v note.Verifiers) *walk {
	return &walk{
		trust: newTrust(v),
		ids:   map[[16]byte]struct{}{}, unvouched: map[int64]struct{}{},
		report: Report{First: -1},
	}
}

// saved opens the checkpoint kept elsewhere, if there is one. It comes before the first record.
func (w *walk) saved(msg []byte) {
	if msg != nil {
		w.open(msg, "the saved", &w.report.Saved)
	}
}

// newest opens the log's own checkpoint.
func (w *walk) newest(msg []byte) {
	if msg == nil {
		w.outside = "the log has no checkpoint"
		return
	}
	w.open(msg, "the log's", &w.report.Checkpoint)
}

// know adds a verified checkpoint.
func (w *walk) know(c signed) {
	w.signed = append(w.signed, c)
	slices.SortStableFunc(w.signed, func(a, b signed) int { return cmp.Compare(a.N, b.N) })
}

// checkpoints says what is wrong with the checkpoints as such, now that all keys are known.
func (w *walk) checkpoints() string {
	if w.outside != "" {
		return w.outside
	}
	for _, u := range w.unopened {
		return fmt.Sprintf("%s checkpoint cannot be used: %v", u.whose, u.err)
	}
	for _, c := range w.signed {
		if !w.trust.signs(c.signers, c.N) {
			return fmt.Sprintf("%s checkpoint is of %d records, and signed with a key that was not to sign so many", c.whose, c.N)
		}
	}
	switch saved, newest := w.report.Saved, w.report.Checkpoint; {
	case saved.Origin == "" || newest.Origin == "":
	case saved.Origin != newest.Origin:
		return fmt.Sprintf("the log calls itself %q, the saved checkpoint is of %q", newest.Origin, saved.Origin)
	case saved.N > newest.N:
		return fmt.Sprintf("the log's checkpoint signs %d records, the saved one %d", newest.N, saved.N)
	}
	return ""
}

// found notes a problem. The smallest index stays; what was found first stays in the words.
func (w *walk) found(d *DamageError) {
	switch r := &w.report; {
	case r.First < 0:
		r.First, r.Problem = d.Index, d.Reason
	case d.Index < r.First:
		r.Problem = fmt.Sprintf("%s (record %d: %s)", d.Reason, r.First, r.Problem)
		r.First = d.Index
	}
}

// unproven notes that a walk which met a problem has nothing to compare the records before it with.
// They agree with their own commitments, but so would a careful forgery.
func (w *walk) unproven() {
	w.found(&DamageError{w.proven, "from here on nothing proves the records against a signed checkpoint"})
}

// claims is the part of a body that binds a record to the others.
type claims struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Outbox   uint64    `json:"outbox"`
	Erasure  *Erasure  `json:"erasure"`
	Rotation *Rotation `json:"rotation"`
}

// inspected is what can be said of an entry by itself, and on any goroutine.
type inspected struct {
	damage *DamageError // of the body, or that it is no record
	claims claims
}

func inspect(e *Stored) (in inspected) {
	if in.damage = checkBody(e); in.damage != nil || e.Erased {
		return in
	}
	if err := json.Unmarshal(e.Body, &in.claims); err != nil || in.claims.ID == "" || in.claims.Kind == "" {
		in.damage = &DamageError{e.Index, "body is not a record"}
	}
	return in
}

// check checks one inspected entry against those before it.
func (w *walk) check(e *Stored, in inspected) *DamageError {
	if e.Index != w.tree.Size() {
		return &DamageError{w.tree.Size(), fmt.Sprintf("record is missing, %d stands in its place", e.Index)}
	}
	if in.damage != nil {
		return in.damage
	}
	if e.Outbox < w.outbox {
		return &DamageError{e.Index, "outbox sequence falls"}
	}
	if !e.Erased {
		return w.claims(e, in.claims)
	}
	w.unvouched[e.Index] = struct{}{}
	return nil
}

// add adds a checked entry. It returns the entry's tree hashes, valid until the next call.
func (w *walk) add(e *Stored, leaf tlog.Hash) []tlog.Hash {
	if e.Erased {
		w.erased++
	}
	w.outbox = e.Outbox
	w.hashes = w.tree.Add(leaf, w.hashes[:0])
	return w.hashes
}

// claims checks what the body says of itself. A replayed record has intact bytes; its id or its
// outbox sequence, which must be new, gives it away even where no checkpoint reaches.
func (w *walk) claims(e *Stored, c claims) *DamageError {
	sum := sha256.Sum256([]byte(c.ID)) // half of it tells ids apart, in half the memory
	id := [16]byte(sum[:16])
	if _, double := w.ids[id]; double {
		return &DamageError{e.Index, "id was used by an earlier record"}
	}
	if c.Outbox != 0 && c.Outbox <= w.outbox {
		return &DamageError{e.Index, "outbox sequence was used by an earlier record"}
	}
	if max(c.Outbox, w.outbox) != e.Outbox {
		return &DamageError{e.Index, "outbox sequence beside the record is not the record's"}
	}
	w.ids[id] = struct{}{}
	if c.Kind == KindErase && c.Erasure != nil {
		for _, i := range c.Erasure.Indexes {
			delete(w.unvouched, i)
		}
	}
	if c.Kind == KindRotate && c.Rotation != nil {
		return w.rotation(c.Rotation)
	}
	return nil
}

// roots compares the tree with the checkpoints of its size.
func (w *walk) roots() *DamageError {
	for _, c := range w.signed {
		if c.N != w.tree.Size() {
			continue
		}
		if c.Hash != w.tree.Root() {
			return &DamageError{w.proven, fmt.Sprintf("the records from here to %d are consistent among themselves, but not those that were signed", c.N-1)}
		}
		w.proven = c.N
	}
	return nil
}

// end completes a walk that reached the log's end.
func (w *walk) end() *DamageError {
	for _, c := range w.signed {
		if c.N > w.tree.Size() {
			return &DamageError{w.tree.Size(), fmt.Sprintf("records %d to %d, which were signed, are missing", w.tree.Size(), c.N-1)}
		}
	}
	return nil
}

// finish completes the report. A walk that stopped early has not seen who might vouch for a marker;
// then the marker's index is the smaller one that may be bad.
func (w *walk) finish() Report {
	if len(w.unvouched) > 0 {
		w.found(&DamageError{slices.Min(slices.Collect(maps.Keys(w.unvouched))), "marked as erased, but no record that was read says that it was erased"})
	}
	if outside := w.checkpoints(); outside != "" {
		w.found(&DamageError{w.proven, outside})
	}
	w.report.Records, w.report.Erased, w.report.Proven = w.tree.Size(), w.erased, w.proven
	if w.report.OK = w.report.First < 0; !w.report.OK {
		w.report.Proven = min(w.proven, w.report.First)
	}
	return w.report
}
