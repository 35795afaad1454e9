package audit_test

import (
	"encoding/hex"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
)

func hexes(hashes []tlog.Hash) (list []string) {
	for _, h := range hashes {
		list = append(list, hex.EncodeToString(h[:]))
	}
	return list
}

// treesOf are the checkpoints of a log's beginnings, unsigned, by size.
func treesOf(m *audittest.Memory) (list []audit.Checkpoint) {
	var tree audit.Tree
	list = append(list, audit.Checkpoint{Origin: audittest.Origin, Tree: tlog.Tree{Hash: tree.Root()}})
	for _, e := range m.Stored {
		tree.Add(audit.Leaf(e.Commitment), nil)
		list = append(list, audit.Checkpoint{Origin: audittest.Origin, Tree: tlog.Tree{N: tree.Size(), Hash: tree.Root()}})
	}
	return list
}

// Every proof of a log is accepted for what it proves, and for no other record, tree or order.
func TestProofs(t *testing.T) {
	h := newHistory(t)
	l := audittest.Open(t, h.at30.Clone(), h.Config)
	trees := treesOf(h.at30)
	for size := int64(1); size <= 30; size++ {
		for index := range size {
			proof, err := l.Inclusion(ctx, index, size)
			if err != nil {
				t.Fatal(err)
			}
			e := audit.Entry{Index: index, Leaf: audit.Leaf(h.at30.Stored[index].Commitment)}
			if err := audit.CheckInclusion(trees[size], e, hexes(proof)); err != nil {
				t.Errorf("record %d in %d: %v", index, size, err)
			}
			for other := range size {
				if e := (audit.Entry{Index: other, Leaf: e.Leaf}); other != index && audit.CheckInclusion(trees[size], e, hexes(proof)) == nil {
					t.Errorf("record %d in %d is taken for record %d", index, size, other)
				}
			}
		}
		for old := int64(1); old <= size; old++ {
			proof, err := l.Consistency(ctx, old, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := audit.CheckConsistency(trees[old], trees[size], hexes(proof)); err != nil {
				t.Errorf("%d within %d: %v", old, size, err)
			}
			for _, other := range trees[1:] {
				if other.N != old && audit.CheckConsistency(other, trees[size], hexes(proof)) == nil {
					t.Errorf("the proof of %d within %d is taken for one of %d", old, size, other.N)
				}
			}
		}
	}
}

// TestForgedProofs (AUD-06): proofs and notes of wrong lengths, with impossible sizes and
// indexes, in other spellings, are errors; nothing panics, and none takes memory for what it claims.
func TestForgedProofs(t *testing.T) {
	h := newHistory(t)
	trees := treesOf(h.at30)
	good := strings.Repeat("0f", 32)
	long := make([]string, 1<<16)
	for i := range long {
		long[i] = good
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, size := range []int64{math.MinInt64, -1, 0, 1, 2, 1 << 40, math.MaxInt64 - 1, math.MaxInt64} {
		for _, index := range []int64{math.MinInt64, -1, 0, 1, size - 1, size, math.MaxInt64} {
			for name, proof := range map[string][]string{
				"nothing": nil, "one hash": {good}, "as many as a tree has levels": long[:63], "too many": long,
				"upper case": {strings.ToUpper(good)}, "short": {good[2:]}, "long": {good + "0f"}, "no hexadecimal": {strings.Repeat("0g", 32)}, "empty": {""},
			} {
				in := audit.Checkpoint{Origin: audittest.Origin, Tree: tlog.Tree{N: size, Hash: tlog.Hash{1}}}
				if err := audit.CheckInclusion(in, audit.Entry{Index: index}, proof); !errors.Is(err, audit.ErrProof) {
					t.Errorf("%s, record %d in %d: %v", name, index, size, err)
				}
				old := trees[10]
				if err := audit.CheckConsistency(old, in, proof); !errors.Is(err, audit.ErrProof) {
					t.Errorf("%s, 10 within %d: %v", name, size, err)
				}
			}
		}
	}
	notes := map[string]string{
		"CRLF":                  strings.ReplaceAll(string(h.note30), "\n", "\r\n"),
		"CRLF in the text":      strings.Replace(string(h.note30), "\n30\n", "\r\n30\n", 1),
		"a size of 20 digits":   strings.Replace(string(h.note30), "\n30\n", "\n99999999999999999999\n", 1),
		"a size tlog hangs on":  strings.Replace(string(h.note30), "\n30\n", "\n9223372036854775807\n", 1),
		"a negative size":       strings.Replace(string(h.note30), "\n30\n", "\n-30\n", 1),
		"a padded size":         strings.Replace(string(h.note30), "\n30\n", "\n030\n", 1),
		"a size with a sign":    strings.Replace(string(h.note30), "\n30\n", "\n+30\n", 1),
		"no base64 padding":     strings.Replace(string(h.note30), "=\n\n", "\n\n", 1),
		"base64 for URLs":       strings.NewReplacer("+", "-", "/", "_").Replace(string(h.note30)),
		"a megabyte":            string(h.note30) + strings.Repeat("\n", 1<<20),
		"a thousand signatures": string(h.note30) + strings.Repeat("— a AAAAAAAA\n", 1000),
	}
	for name, msg := range notes {
		if msg == string(h.note30) {
			continue // this root and signature have no such character
		}
		if c, err := audit.OpenCheckpoint([]byte(msg), note.VerifierList(h.Verifier)); !errors.Is(err, audit.ErrCheckpoint) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
		if r, err := audit.Verify(ctx, h.at30, note.VerifierList(h.Verifier), []byte(msg)); err != nil || r.OK {
			t.Errorf("%s, saved: %v, %v", name, r, err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) / uint64(8*7*9*2+2*len(notes)); took > 10<<20 {
		t.Errorf("a forgery takes %d bytes", took)
	}
}

// FuzzProof: no proof panics, and none is accepted for a record or a tree that is not there.
func FuzzProof(f *testing.F) {
	m, _ := audittest.Fixed(f, 30)
	trees := treesOf(m)
	f.Add(int64(10), int64(30), strings.Repeat("0f", 32))
	f.Add(int64(-1), int64(math.MaxInt64), "")
	f.Add(int64(0), int64(1), strings.Repeat("0f", 32)+","+strings.Repeat("00", 32))
	f.Fuzz(func(t *testing.T, index, size int64, text string) {
		proof := strings.Split(text, ",")
		in := audit.Checkpoint{Origin: audittest.Origin, Tree: tlog.Tree{N: size, Hash: tlog.Hash{1}}}
		if audit.CheckInclusion(in, audit.Entry{Index: index}, proof) == nil {
			t.Error("a record of no hash is in a tree of no root")
		}
		if 0 <= size && size <= 30 {
			in = trees[size]
		}
		if old := index & 31 % 31; audit.CheckConsistency(trees[old], in, proof) == nil && old != 0 && in.N == 30 {
			// Only the one proof is right; a fuzzer does not find it.
			if want, err := tlog.ProveTree(30, old, tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) { return m.Hashes(ctx, at) })); err != nil || strings.Join(hexes(want), ",") != text {
				t.Errorf("%d within 30 by %q", old, text)
			}
		}
	})
}
