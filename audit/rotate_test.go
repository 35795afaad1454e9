package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

// rotated is a log of 32 records that three keys signed, ten records and then one that hands
// over each, with a checkpoint by each key.
type rotated struct {
	keys  [3]audit.Config
	log   *audittest.Memory
	notes [3][]byte
	ends  [3]*audittest.Memory // the log as each of the checkpoints signed it
}

func newRotated(t testing.TB) (r rotated) {
	t.Helper()
	r.log = &audittest.Memory{}
	for i := range r.keys {
		r.keys[i] = audittest.Keys(t)
		if i > 0 {
			r.keys[i] = audittest.Rotated(t, r.keys[i-1])
		}
		l := audittest.Open(t, r.log, r.keys[i])
		audittest.Append(t, l, 10*i, 10*i+10)
		audittest.Close(t, l)
		r.ends[i], r.notes[i] = r.log.Clone(), slices.Clone(r.log.Note)
	}
	return r
}

// TestRotation (AUD-12): whoever holds any of a log's keys verifies all of it, against any
// checkpoint that this key or a later one signed, the log itself and an export.
func TestRotation(t *testing.T) {
	r := newRotated(t)
	var export bytes.Buffer
	if err := audit.Export(ctx, r.log, &export); err != nil {
		t.Fatal(err)
	}
	for key, c := range r.keys {
		for by, saved := range append(r.notes[:], nil) {
			v := note.VerifierList(c.Verifier)
			report, err := audit.Verify(ctx, r.log, v, saved)
			exported, xerr := audit.VerifyExport(ctx, bytes.NewReader(export.Bytes()), v, saved)
			if err != nil || xerr != nil {
				t.Fatal(err, xerr)
			}
			ok := saved == nil || by >= key
			for what, report := range map[string]audit.Report{"the log": report, "an export": exported} {
				if report.OK != ok || ok && (report.Proven != 32 || report.Rotations != 2) {
					t.Errorf("%s, with key %d, against a checkpoint of key %d: %v", what, key, by, report)
				}
			}
		}
	}
	if report, err := audit.Verify(ctx, r.log, note.VerifierList(audittest.Keys(t).Verifier), nil); err != nil || report.OK {
		t.Errorf("with a key that never signed it: %v, %v", report, err)
	}
	if _, err := audit.Open(ctx, r.log.Clone(), audittest.Keys(t)); !errors.Is(err, audit.ErrCheckpoint) {
		t.Errorf("a server that has none of its keys opens it: %v", err)
	}
}

// Where a record has been changed is found from the first key on as from the last.
func TestTamperingIsLocatedAcrossRotations(t *testing.T) {
	r := newRotated(t)
	for i := range r.log.Stored {
		m := r.log.Clone()
		m.Stored[i].Salt[0] ^= 1
		for key, c := range r.keys {
			report, err := audit.Verify(ctx, m, note.VerifierList(c.Verifier), nil)
			// The record that hands over to a key is needed to know it.
			if blind := i == 10 && key < 1 || i == 21 && key < 2; err != nil || report.OK || report.First > int64(i) || report.First < int64(i) && !blind {
				t.Errorf("record %d, with key %d: %v, %v", i, key, report, err)
			}
		}
	}
}

// sign is a checkpoint of a storage as it is, by a key that somebody has.
func sign(t *testing.T, m *audittest.Memory, c audit.Config) []byte {
	t.Helper()
	var tree audit.Tree
	for _, e := range m.Stored {
		tree.Add(audit.Leaf(e.Commitment), nil)
	}
	msg, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", audittest.Origin, tree.Size(), tree.Root())}, c.Signer)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// TestStolenKey: what a thief of the first key can do once it has been rotated. A fork from
// before the rotation is told by any checkpoint of a later key; signing on where the log is, and
// handing over once more, are told by the log alone.
func TestStolenKey(t *testing.T) {
	r := newRotated(t)
	first := note.VerifierList(r.keys[0].Verifier)
	must := func(what string, m *audittest.Memory, saved []byte) audit.Report {
		t.Helper()
		report, err := audit.Verify(ctx, m, first, saved)
		if err != nil || report.OK {
			t.Errorf("%s: %v, %v", what, report, err)
		}
		return report
	}
	fork := r.log.Clone()
	fork.Stored = fork.Stored[:10]
	fork.Stored[3].Body = bytes.Replace(fork.Stored[3].Body, []byte("ada"), []byte("eve"), 1)
	rebuild(fork)
	fork.Note = sign(t, fork, r.keys[0])
	for i, saved := range r.notes {
		must(fmt.Sprintf("a fork, and a checkpoint of key %d", i), fork, saved)
	}
	if report, err := audit.Verify(ctx, fork, first, nil); err != nil || !report.OK {
		t.Errorf("without any checkpoint nothing tells a fork, as is documented: %v, %v", report, err)
	}

	further := r.log.Clone()
	further.Note = sign(t, further, r.keys[0])
	must("a checkpoint of all by the first key", further, nil)
	must("the same, against a checkpoint", further, r.notes[2])

	// The thief hands the end of the log over to a key of their own, as a server would: the
	// first key is all that it needs.
	theirs := audittest.Keys(t)
	theirs.Earlier = []audit.Key{{Signer: r.keys[0].Signer, Public: r.keys[0].Public}}
	again := r.log.Clone()
	again.Note = sign(t, again, r.keys[0])
	l := audittest.Open(t, again, theirs)
	audittest.Close(t, l)
	if report := must("handed over by a key that was retired", again, nil); report.First > 32 {
		t.Errorf("the first bad record is %d, want 32", report.First)
	}
	must("the same, against a checkpoint", again, r.notes[2])
	again.Note = r.notes[2] // as if the thief had added to the unsigned end
	if _, err := audit.Open(ctx, again, r.keys[2]); !errors.Is(err, audit.ErrKey) {
		t.Errorf("the server goes on behind it: %v", err)
	}
}

// TestRotationIsOfItsPlace: a record that hands over is good where it was made and nowhere else,
// and only with both signatures.
func TestRotationIsOfItsPlace(t *testing.T) {
	r := newRotated(t)
	for name, change := range map[string]func(*audit.Rotation){
		"another key follows":     func(x *audit.Rotation) { x.To = audittest.Keys(t).Public },
		"another key went before": func(x *audit.Rotation) { x.From = audittest.Keys(t).Public },
		"nothing is stated":       func(x *audit.Rotation) { x.Statement = "" },
		"one has not signed":      func(x *audit.Rotation) { x.Statement = x.Statement[:len(x.Statement)-len(lastLine(x.Statement))] },
		"of another place": func(x *audit.Rotation) {
			var other audit.Record
			if err := json.Unmarshal(r.log.Stored[21].Body, &other); err != nil {
				t.Fatal(err)
			}
			*x = *other.Rotation
		},
	} {
		m := r.ends[1].Clone()
		var record audit.Record
		if err := json.Unmarshal(m.Stored[10].Body, &record); err != nil || record.Rotation == nil {
			t.Fatal(record, err)
		}
		change(record.Rotation)
		m.Stored[10].Body, _ = json.Marshal(record)
		rebuild(m)
		m.Note = sign(t, m, r.keys[1]) // even if the new key vouches for all of it
		report, err := audit.Verify(ctx, m, note.VerifierList(r.keys[0].Verifier, r.keys[1].Verifier), nil)
		if err != nil || report.OK || report.First > 10 {
			t.Errorf("%s: %v, %v", name, report, err)
		}
	}
}

func lastLine(s string) string { return s[1+bytes.LastIndexByte([]byte(s[:len(s)-1]), '\n'):] }

// A crash between the record that hands over and the first checkpoint of the new key leaves a
// log that is handed over once.
func TestRotationAcrossACrash(t *testing.T) {
	r := newRotated(t)
	m := r.ends[1].Clone()
	m.Stored, m.Hash, m.Note = m.Stored[:11], nil, r.notes[0]
	rebuild(m)
	l := audittest.Open(t, m, r.keys[1])
	audittest.Append(t, l, 50, 52)
	audittest.Close(t, l)
	if report := audittest.Verify(t, m, r.keys[0], r.notes[0]); report.Rotations != 1 || report.Proven != 13 {
		t.Error(report)
	}
}

// A log whose key is rotated before it has a record, and twice between two starts, goes on.
func TestRotationsAtOnce(t *testing.T) {
	a := audittest.Keys(t)
	m := &audittest.Memory{}
	audittest.Close(t, audittest.Open(t, m, a))
	c := audittest.Rotated(t, audittest.Rotated(t, a))
	l := audittest.Open(t, m, c)
	if _, err := l.Append(ctx, audit.Record{ID: "x", Time: time.Unix(1, 0), Kind: audit.KindRotate, Rotation: &audit.Rotation{}}); !errors.Is(err, audit.ErrRecord) {
		t.Errorf("a rotation by Append: %v", err)
	}
	audittest.Append(t, l, 0, 5)
	audittest.Close(t, l)
	if report := audittest.Verify(t, m, a, nil); report.Rotations != 1 || report.Proven != 6 {
		t.Error(report)
	}
	mixed := c
	mixed.Public = a.Public
	if _, err := audit.Open(ctx, m, mixed); !errors.Is(err, audit.ErrConfig) {
		t.Errorf("with another key's public form: %v", err)
	}
}
