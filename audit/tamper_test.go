package audit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/internal/prove"
)

// mutations is how many random mutations each property takes; a few of them change nothing.
func mutations() int {
	if testing.Short() {
		return 2000
	}
	return prove.Count(10_000, 11_000)
}

// rebuild computes what a forger without the key can compute: indexes, outbox, commitments of changed
// bodies, tree hashes. What comes out contradicts nothing but the signature.
func rebuild(m *audittest.Memory) {
	var tree audit.Tree
	m.Hash = nil
	for i := range m.Stored {
		e := &m.Stored[i]
		e.Index = int64(i)
		if !e.Erased {
			e.Commitment = audit.Commitment(&e.Salt, e.Body)
		}
		m.Hash = tree.Add(audit.Leaf(e.Commitment), m.Hash)
	}
}

// A forgery changes a storage.
type forgery struct {
	name string
	do   func(r *rand.Rand, m *audittest.Memory, h history)
}

var forgeries = []forgery{
	{"change a body", func(r *rand.Rand, m *audittest.Memory, h history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Body = bytes.Replace(m.Stored[i].Body, []byte("ada"), []byte("eve"), 1)
	}},
	{"change a salt", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Salt[r.IntN(32)] ^= 1 << r.IntN(8)
	}},
	{"change a commitment", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Commitment[r.IntN(32)] ^= 1 << r.IntN(8)
		m.Stored[i].Body, m.Stored[i].Salt, m.Stored[i].Erased = nil, [32]byte{}, true
	}},
	{"swap two", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored) - 1)
		j := i + 1 + r.IntN(len(m.Stored)-i-1)
		m.Stored[i], m.Stored[j] = m.Stored[j], m.Stored[i]
	}},
	{"delete some", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored = slices.Delete(m.Stored, i, min(i+1+r.IntN(3), len(m.Stored)))
	}},
	{"cut the end", func(r *rand.Rand, m *audittest.Memory, _ history) {
		m.Stored = m.Stored[:r.IntN(len(m.Stored))]
	}},
	{"repeat one", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i, from := r.IntN(len(m.Stored)+1), r.IntN(len(m.Stored))
		e := m.Stored[from]
		m.Stored = slices.Insert(m.Stored, i, e)
	}},
	{"replace one by last month's", func(r *rand.Rand, m *audittest.Memory, h history) {
		i := 10 + r.IntN(len(m.Stored)-10)
		m.Stored[i] = h.at10.Stored[r.IntN(10)]
	}},
	{"mark as erased", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Body, m.Stored[i].Salt, m.Stored[i].Erased = nil, [32]byte{}, true
	}},
	{"lose a body", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Body = nil
	}},
	{"change the outbox", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Outbox += 1 + r.Uint64N(5)
	}},
	{"bring back last month's checkpoint", func(r *rand.Rand, m *audittest.Memory, h history) {
		m.Note = [][]byte{h.note10, h.note20}[r.IntN(2)]
	}},
	{"bring back all of last month", func(r *rand.Rand, m *audittest.Memory, h history) {
		old := []*audittest.Memory{h.at10, h.at20}[r.IntN(2)].Clone()
		m.Stored, m.Hash, m.Note = old.Stored, old.Hash, old.Note
	}},
	{"change the checkpoint", func(r *rand.Rand, m *audittest.Memory, _ history) {
		m.Note[r.IntN(len(m.Note))] ^= 1 << r.IntN(8)
	}},
	{"lose the checkpoint", func(_ *rand.Rand, m *audittest.Memory, _ history) {
		m.Note = nil
	}},
	{"change a tree hash", func(r *rand.Rand, m *audittest.Memory, _ history) {
		i := r.IntN(len(m.Hash))
		m.Hash[i][r.IntN(32)] ^= 1 << r.IntN(8)
	}},
	{"sign a fork with another key", func(r *rand.Rand, m *audittest.Memory, h history) {
		i := r.IntN(len(m.Stored))
		m.Stored[i].Body = bytes.Replace(m.Stored[i].Body, []byte("ada"), []byte("eve"), 1)
		rebuild(m)
		var tree audit.Tree
		for _, e := range m.Stored {
			tree.Add(audit.Leaf(e.Commitment), nil)
		}
		n := &note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", audittest.Origin, tree.Size(), tree.Root())}
		private, _, _ := note.GenerateKey(nil, audittest.Origin)
		signer, _ := note.NewSigner(private)
		m.Note, _ = note.Sign(n, signer)
	}},
}

// TestForgeries plays one who holds the disk but not the key, with and without the care to make
// everything else fit, also several times in a row. Each forgery up to the saved checkpoint must be
// reported, at the first bad record or a smaller index.
func TestForgeries(t *testing.T) {
	h := newHistory(t)
	keys := note.VerifierList(h.Verifier)
	tried := 0
	for seed := range mutations() {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		m := h.at30.Clone()
		var what []string
		for range 1 + r.IntN(2) {
			if len(m.Stored) < 12 || len(m.Note) == 0 {
				break
			}
			f := forgeries[r.IntN(len(forgeries))]
			what = append(what, f.name)
			f.do(r, m, h)
		}
		if keep := what[len(what)-1]; r.IntN(2) == 0 && keep != "change a tree hash" {
			rebuild(m)
			what = append(what, "make it fit")
		}
		first, same := compare(m, h.at30)
		if same {
			continue // the second forgery undid the first
		}
		report, err := audit.Verify(ctx, m, keys, h.note30)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, strings.Join(what, ", "), err)
		}
		if report.OK || report.First < 0 || report.First > first || report.Problem == "" {
			t.Fatalf("seed %d, %s: first bad record is %d\n%v", seed, strings.Join(what, ", "), first, report)
		}
		tried++
	}
	prove.Report(t, "forgeries", "%d of %d forgeries of a log found, none behind the first bad record", tried, tried)
}

// compare returns the first record that two storages do not share, and whether they say the same.
func compare(a, b *audittest.Memory) (first int64, same bool) {
	n := min(len(a.Stored), len(b.Stored))
	for i := range n {
		x, y := a.Stored[i], b.Stored[i]
		if x.Index != y.Index || x.Commitment != y.Commitment || x.Outbox != y.Outbox || x.Salt != y.Salt ||
			x.Erased != y.Erased || !bytes.Equal(x.Body, y.Body) {
			return int64(i), false
		}
	}
	return int64(n), len(a.Stored) == len(b.Stored) && bytes.Equal(a.Note, b.Note) && slices.Equal(a.Hash, b.Hash)
}

// Where the stored tree is intact, it proves the records before the bad one, and the index is exact.
func TestIndexIsExact(t *testing.T) {
	h := newHistory(t)
	for i := range 30 {
		m := h.at30.Clone()
		m.Stored[i].Body = bytes.Replace(m.Stored[i].Body, []byte("ada"), []byte("eve"), 1)
		for _, fit := range []bool{false, true} {
			if fit {
				m.Stored[i].Commitment = audit.Commitment(&m.Stored[i].Salt, m.Stored[i].Body)
			}
			r, err := audit.Verify(ctx, m, note.VerifierList(h.Verifier), nil)
			if err != nil || r.OK || r.First != int64(i) || r.Proven != int64(i) {
				t.Errorf("record %d: %v, %v", i, r, err)
			}
		}
	}
	// Two forgeries, the first with its hashes made to fit: the tree no longer leads to the signed
	// root, so the second must not be called the first bad record.
	m := h.at30.Clone()
	m.Stored[5].Body = bytes.Replace(m.Stored[5].Body, []byte("ada"), []byte("eve"), 1)
	rebuild(m)
	m.Stored[25].Salt[0] ^= 1
	r, err := audit.Verify(ctx, m, note.VerifierList(h.Verifier), nil)
	if err != nil || r.OK || r.First > 5 {
		t.Errorf("%v, %v", r, err)
	}
	// A saved checkpoint narrows it from below.
	r, err = audit.Verify(ctx, h.at30.Clone(), note.VerifierList(h.Verifier), h.note10)
	if err != nil || !r.OK || r.Saved.N != 10 {
		t.Errorf("%v, %v", r, err)
	}
	m = h.at30.Clone()
	m.Stored[25].Body = bytes.Replace(m.Stored[25].Body, []byte("ada"), []byte("eve"), 1)
	rebuild(m)
	r, err = audit.Verify(ctx, m, note.VerifierList(h.Verifier), h.note20)
	if err != nil || r.OK || r.First != 20 || r.Proven != 20 {
		t.Errorf("%v, %v", r, err)
	}
}

// TestExportMutations changes an export byte by byte, and line by line.
func TestExportMutations(t *testing.T) {
	h := newHistory(t)
	keys := note.VerifierList(h.Verifier)
	var out bytes.Buffer
	if err := audit.Export(ctx, h.at30, &out); err != nil {
		t.Fatal(err)
	}
	good := out.Bytes()
	if r, err := audit.VerifyExport(ctx, bytes.NewReader(good), keys, h.note20); err != nil || !r.OK || r.Proven != 30 {
		t.Fatal(r, err)
	}
	tried := 0
	for seed := range mutations() {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		bad := mutate(r, good)
		if bytes.Equal(bad, good) {
			continue
		}
		first := int64(bytes.Count(good[:firstDifference(good, bad)], []byte("\n")))
		for _, saved := range [][]byte{nil, h.note30} {
			report, err := audit.VerifyExport(ctx, bytes.NewReader(bad), keys, saved)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if report.OK || report.First < 0 || report.First > first {
				t.Fatalf("seed %d: first bad record is %d\n%v", seed, first, report)
			}
		}
		tried++
	}
	prove.Report(t, "exports", "%d of %d changes of an export found", tried, tried)
	old := new(bytes.Buffer)
	if err := audit.Export(ctx, h.at20, old); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.VerifyExport(ctx, old, keys, h.note30); err != nil || r.OK || r.First > 20 {
		t.Errorf("last month's export: %v, %v", r, err)
	}
}

// firstDifference returns the first offset at which two texts differ.
func firstDifference(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// mutate returns a changed copy of a text.
func mutate(r *rand.Rand, text []byte) []byte {
	b := slices.Clone(text)
	lines := bytes.SplitAfter(b, []byte("\n"))
	at := r.IntN(len(b))
	switch r.IntN(7) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
	case 1:
		b[at] = byte(r.IntN(256))
	case 2:
		b = slices.Delete(b, at, min(at+1+r.IntN(100), len(b)))
	case 3:
		b = slices.Insert(b, at, text[at/2:at/2+1+r.IntN(3)]...)
	case 4:
		b = b[:at]
	case 5: // swap or repeat lines
		lines[r.IntN(len(lines)-1)] = lines[r.IntN(len(lines)-1)]
		b = bytes.Join(lines, nil)
	case 6:
		i := r.IntN(len(lines) - 1)
		b = bytes.Join(slices.Delete(lines, i, i+1), nil)
	}
	return b
}
