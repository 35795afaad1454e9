package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/note"
)

// keyID is how a signed note names a key.
type keyID struct {
	name string
	hash uint32
}

func idOf(v note.Verifier) keyID { return keyID{v.Name(), v.KeyHash()} }

// trust is what keys a verification believes: those it was given, and those to which they hand
// over. It implements note.Verifiers.
//
// To believe each of them for ever is the simple version. A key is rotated because it may have
// been stolen, and whoever has it could sign another log of any length. So each key counts for
// the trees that were its to sign and for no others: the old one for those without the record
// that hands over, the new one for those with it.
type trust struct {
	given  note.Verifiers
	learnt map[keyID]note.Verifier
	spans  map[keyID]span
}

// span is the sizes of trees that a key signs.
type span struct{ from, to int64 }

func newTrust(given note.Verifiers) *trust {
	if given == nil {
		given = note.VerifierList() // believes nobody
	}
	return &trust{given, map[keyID]note.Verifier{}, map[keyID]span{}}
}

// Verifier implements note.Verifiers.
func (t *trust) Verifier(name string, hash uint32) (note.Verifier, error) {
	if v, ok := t.learnt[keyID{name, hash}]; ok {
		return v, nil
	}
	return t.given.Verifier(name, hash)
}

func (t *trust) believes(id keyID) bool {
	_, err := t.Verifier(id.name, id.hash)
	return err == nil
}

func (t *trust) span(id keyID) span {
	if s, ok := t.spans[id]; ok {
		return s
	}
	return span{0, math.MaxInt64}
}

// learn takes in that one key hands a log of that size over to another. Both signatures have
// been verified. Who was given only a later key knows neither of the two, and learns nothing.
func (t *trust) learn(from, to note.Verifier, size int64) error {
	a, b := idOf(from), idOf(to)
	if s := t.span(a); t.believes(a) && (size < s.from || size > s.to) {
		return errors.New("a key hands over that does not sign the log")
	}
	if _, twice := t.spans[b]; twice && t.span(b).from != size+1 {
		return errors.New("it hands over to a key that has signed the log before")
	}
	if t.believes(a) {
		t.learnt[b] = to
	}
	t.spans[a] = span{t.span(a).from, size}
	t.spans[b] = span{size + 1, t.span(b).to}
	return nil
}

// signs reports whether one of the keys was to sign a tree of that size.
func (t *trust) signs(signers []keyID, size int64) bool {
	for _, id := range signers {
		if s := t.span(id); s.from <= size && size <= s.to {
			return true
		}
	}
	return false
}

// signed is a checkpoint whose signature was verified, by whom it was.
type signed struct {
	Checkpoint
	whose   string // for people
	signers []keyID
}

// unopened is a checkpoint that no key signed which is known as yet.
type unopened struct {
	msg   []byte
	whose string
	into  *Checkpoint // where it goes in the report
	err   error
}

// open opens a checkpoint, or keeps it until a key is learnt that signed it.
func (w *walk) open(msg []byte, whose string, into *Checkpoint) {
	c, signers, err := openSigned(msg, w.trust)
	if err != nil {
		if _, unknown := errors.AsType[*note.UnverifiedNoteError](err); unknown {
			w.unopened = append(w.unopened, unopened{bytes.Clone(msg), whose, into, err})
		} else {
			w.outside = fmt.Sprintf("%s checkpoint cannot be used: %v", whose, err)
		}
		return
	}
	*into = c
	w.know(signed{c, whose, signers})
}

// learn follows a rotation that stands at an index, of a log whose tree so far is known or not.
func (w *walk) learn(r *Rotation, before Checkpoint) error {
	both, err := r.open(before)
	if err == nil {
		err = w.trust.learn(both[0], both[1], before.N)
	}
	if err != nil {
		return err
	}
	again := w.unopened
	w.unopened = nil
	for _, u := range again {
		w.open(u.msg, u.whose, u.into)
	}
	return nil
}

// rotation checks a rotation in the record that comes next.
func (w *walk) rotation(r *Rotation) *DamageError {
	n := w.tree.Size()
	stated, err := ReadCheckpoint([]byte(r.Statement)) // whose log it is, the statement says first
	if err == nil {
		before := Checkpoint{Origin: stated.Origin}
		before.N, before.Hash = n, w.tree.Root()
		err = w.learn(r, before)
	}
	if err != nil {
		return &DamageError{n, fmt.Sprintf("the log is not handed over to another key as it says: %v", err)}
	}
	w.report.Rotations++
	return nil
}

// lookAhead follows the rotations of a storage before anything of it is verified, if its
// checkpoints are signed by a key that is not known: what is wrong with a record can only be
// located by a checkpoint that can be opened. The walk itself looks at each rotation again.
func (w *walk) lookAhead(ctx context.Context, r Reader) error {
	for from := int64(0); len(w.unopened) > 0; {
		next, err := w.ahead(ctx, r, from)
		if damage, ok := errors.AsType[*DamageError](err); ok {
			if damage.Index < from {
				return nil // nothing behind it can be read
			}
			next, err = damage.Index+1, nil
		}
		if err != nil {
			return err
		}
		if next < 0 {
			return nil
		}
		from = next
	}
	return nil
}

// ahead follows the rotations from an index on, and returns -1 at the end.
func (w *walk) ahead(ctx context.Context, r Reader, from int64) (next int64, err error) {
	for e, err := range r.Entries(ctx, from) {
		if err != nil {
			return 0, err
		}
		rotation := rotationIn(e.Body)
		if rotation == nil || checkBody(&e) != nil {
			continue
		}
		stated, err := ReadCheckpoint([]byte(rotation.Statement))
		if err == nil && stated.N == e.Index {
			w.learn(rotation, stated) // what is wrong with it, the walk will say
		}
	}
	return -1, nil
}
