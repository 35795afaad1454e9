package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Key is a key that signed the log before the present one, which takes over from it.
type Key struct {
	Signer note.Signer
	Public string // its verifier in the encoding of signed notes
}

// Rotation hands a log over from one key to another. It is all that a holder of the first key
// needs to go on with: the log up to here, signed by both.
type Rotation struct {
	From string `json:"from"` // the key that signs nothing from here on, in the encoding of signed notes
	To   string `json:"to"`   // the key that signs from here on
	// Statement is a checkpoint of all records before this one, with an extension line that names
	// To, signed by both keys: by the old one to hand over, by the new one to show that it is there.
	Statement string `json:"statement"`
}

// ErrKey says that a log is signed with a key that is neither the configured one nor one of those before it.
var ErrKey = errors.New("audit: log is signed with an unknown key")

// successor is the extension line of a statement.
const successor = "muniment successor "

// statement returns the text that both keys sign: the tree before the record, and who follows.
func statement(before Checkpoint, to string) string { return before.text() + successor + to + "\n" }

// handOver makes the record by which the old key gives the log to the present one.
func (l *Log) handOver(old Key) (Record, error) {
	before := Checkpoint{Origin: l.config.Origin, Tree: tlog.Tree{N: l.tree.Size(), Hash: l.tree.Root()}}
	msg, err := note.Sign(&note.Note{Text: statement(before, l.config.Public)}, old.Signer, l.config.Signer)
	if err != nil {
		return Record{}, err
	}
	r := Record{ID: NewID(), Time: time.Now(), Kind: KindRotate, Rotation: &Rotation{old.Public, l.config.Public, string(msg)}}
	// A signer whose key is not what is said of it would end the log for all who verify it.
	_, err = r.Rotation.open(before)
	return r, err
}

// open checks the statement against the tree before the record, and returns both verifiers.
func (r *Rotation) open(before Checkpoint) (both [2]note.Verifier, err error) {
	for i, key := range []string{r.From, r.To} {
		if both[i], err = note.NewVerifier(key); err != nil {
			return both, err
		}
	}
	n, err := note.Open([]byte(r.Statement), note.VerifierList(both[:]...))
	if err != nil {
		return both, err
	}
	if idOf(both[0]) == idOf(both[1]) || len(n.Sigs) != 2 || len(n.UnverifiedSigs) > 0 {
		return both, errors.New("it is not signed by both keys")
	}
	if n.Text != statement(before, r.To) {
		return both, errors.New("it is not about the records before it")
	}
	return both, nil
}

// rotate hands the log over to the configured key, if an earlier one signs it as yet. It is a
// part of Open, before the writer runs.
func (l *Log) rotate(ctx context.Context, tail Tail) error {
	signs, err := l.signing(ctx, tail)
	if err != nil || signs == idOf(l.config.Verifier) {
		return err
	}
	for _, old := range l.config.Earlier {
		v, err := note.NewVerifier(old.Public)
		if err != nil || idOf(v) != signs {
			continue
		}
		r, err := l.handOver(old)
		if err != nil {
			return err
		}
		q, err := newRequest([]Record{r})
		if err != nil {
			return err
		}
		q.stored[0].Outbox = l.outbox
		if _, err := l.append([]*request{q}); err != nil {
			return err
		}
		l.size = l.tree.Size()
		return l.sign()
	}
	return fmt.Errorf("%w: %08x", ErrKey, signs.hash)
}

// signing is the key that signs the log by now: that of its checkpoint, or the one to which a
// record behind it hands over. A crash may have come between that record and its checkpoint.
func (l *Log) signing(ctx context.Context, tail Tail) (keyID, error) {
	_, signers, err := openSigned(tail.Checkpoint, l.keys())
	if err != nil {
		return keyID{}, err
	}
	signs := signers[0]
	for _, id := range signers {
		if id == idOf(l.config.Verifier) {
			signs = id
		}
	}
	if l.signed.N == tail.Size {
		return signs, nil
	}
	for e, err := range l.storage.Entries(ctx, l.signed.N) {
		if err != nil {
			return keyID{}, err
		}
		r := rotationIn(e.Body)
		if r == nil {
			continue
		}
		to, err := note.NewVerifier(r.To)
		if err != nil {
			return keyID{}, &DamageError{e.Index, "it hands over to what is no key"}
		}
		signs = idOf(to)
	}
	return signs, nil
}

// keys are all that may have signed the log.
func (l *Log) keys() note.Verifiers {
	list := []note.Verifier{l.config.Verifier}
	for _, k := range l.config.Earlier {
		if v, err := note.NewVerifier(k.Public); err == nil { // Open has looked at them
			list = append(list, v)
		}
	}
	return note.VerifierList(list...)
}

// rotationIn is the rotation in a record's body, nil if there is none.
func rotationIn(body []byte) *Rotation {
	var r struct {
		Kind     Kind      `json:"kind"`
		Rotation *Rotation `json:"rotation"`
	}
	if json.Unmarshal(body, &r) != nil || r.Kind != KindRotate {
		return nil
	}
	return r.Rotation
}
