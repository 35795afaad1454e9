package embed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// drawTable draws a small table of any content.
func drawTable(t *rapid.T) *Table {
	words := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,32}`), 0, 40, rapid.ID).Draw(t, "words")
	table := &Table{Words: slices.Sorted(slices.Values(words)), Scales: make([]uint16, len(words)), Rows: make([]byte, 25*len(words))}
	for i := range table.Scales {
		table.Scales[i] = rapid.Uint16().Draw(t, "scale")
	}
	copy(table.Rows, rapid.SliceOfN(rapid.Byte(), len(table.Rows), len(table.Rows)).Draw(t, "rows"))
	table.Common[rapid.IntRange(0, Dimensions-1).Draw(t, "common")] = -1
	return table
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTable(t)
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-encoded +decoded):\n%s", diff)
		}
	})
}

// TestDamaged changes, cuts and lengthens a small table at every byte, and the table in
// the binary at some.
func TestDamaged(t *testing.T) {
	table := &Table{Words: []string{"a", "ab", "b"}, Scales: []uint16{1, 2, 3}, Rows: make([]byte, 75)}
	table.Common[7] = 1
	small, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	refused := func(b []byte, what string, at int) {
		t.Helper()
		if _, err := Decode(b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s at byte %d: %v", what, at, err)
		}
	}
	for at := range small {
		b := bytes.Clone(small)
		b[at] ^= 0x10
		refused(b, "a changed bit", at)
		refused(small[:at], "a cut", at)
	}
	refused(append(bytes.Clone(small), 0), "a byte more", len(small))
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		at := random.IntN(len(staticTable))
		b := bytes.Clone(staticTable)
		b[at]++
		refused(b, "in the embedded table, a changed byte", at)
	}
}

// TestMalformed gives tables a right checksum and wrong content.
func TestMalformed(t *testing.T) {
	table := &Table{Words: []string{"a", "ab", "b"}, Scales: []uint16{1, 2, 3}, Rows: make([]byte, 75)}
	table.Common[7] = 1
	small, err := table.Encode()
	if err != nil {
		t.Fatal(err)
	}
	spelling := len(small) - sha256.Size - len("\x00a\x01b\x00b")
	for _, c := range []struct {
		name string
		at   int
		to   byte
	}{
		{"magic", 0, 'X'},
		{"version", 8, 2},
		{"dimensions", 12, 101},
		{"more words", 16, 4},
		{"many words", 19, 255},
		{"longer spelling", 20, 9},
		{"common direction", head - 1, 0x7f},
		{"shares more than there is", spelling + 2, 9},
		{"word without end", spelling + 5, 'b'},
		{"word out of order", spelling + 5, 'a' | 0x80},
		{"upper case", spelling + 1, 'A' | 0x80},
	} {
		b := bytes.Clone(small[:len(small)-sha256.Size])
		b[c.at] = c.to
		sum := sha256.Sum256(b)
		if _, err := Decode(append(b, sum[:]...)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Table){
		"unsorted words":      func(t *Table) { t.Words[0] = "c" },
		"a word twice":        func(t *Table) { t.Words[0] = "b" },
		"an empty word":       func(t *Table) { t.Words[0] = "" },
		"an accent":           func(t *Table) { t.Words[1] = "é" },
		"a long word":         func(t *Table) { t.Words[1] = "b23456789012345678901234567890123" },
		"a scale too few":     func(t *Table) { t.Scales = t.Scales[1:] },
		"a row too short":     func(t *Table) { t.Rows = t.Rows[1:] },
		"no common direction": func(t *Table) { t.Common = [Dimensions]float32{} },
	} {
		table := &Table{Words: []string{"a", "b"}, Scales: []uint16{1, 2}, Rows: make([]byte, 50)}
		table.Common[0] = 1
		spoil(table)
		if _, err := table.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// TestBag compares the sums with the simple version, over more words than fit before the
// halves are moved.
func TestBag(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, words := range []int{0, 1, 2, maxWords - 1, maxWords, 2*maxWords + 17} {
		var sum bag
		var want [Dimensions]int64
		for range words {
			var row [rowBytes]byte
			scale := uint16(65535 - random.IntN(100))
			for i := range row {
				bits := random.UintN(1 << 16)
				row[i] = byte(bits) | byte(bits>>8) // rather high
			}
			for d := range want {
				want[d] += int64(scale) * (2*int64(row[d/4]>>(d%4*2)&3) - 3)
			}
			sum.add(row[:], scale)
		}
		if diff := cmp.Diff(want, sum.total()); diff != "" {
			t.Fatalf("%d words (-simple +fast):\n%s", words, diff)
		}
	}
}

// TestOtherTable embeds with a table of two words whose vectors can be told by hand.
func TestOtherTable(t *testing.T) {
	table := &Table{Words: []string{"ash", "oak"}, Scales: []uint16{10, 20}, Rows: make([]byte, 50)}
	for i := range table.Rows {
		table.Rows[i] = 0b10_10_10_10 // 1 everywhere
	}
	table.Rows[25] = 0b10_10_10_00 // oak is -3 in its first dimension
	table.Common[99] = 1
	s := newStatic(table)
	got, err := s.Embed(context.Background(), []string{"Oak", "ash oak", "elm"})
	if err != nil {
		t.Fatal(err)
	}
	oak, both := make([]float32, Dimensions), make([]float32, Dimensions)
	for d := range 99 {
		oak[d], both[d] = 1, 30
	}
	oak[0], both[0] = -3, 10-60
	Normalize(oak)
	Normalize(both)
	if diff := cmp.Diff([][]float32{oak, both, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	table.Common = [Dimensions]float32{}
	for d := range table.Common {
		table.Common[d] = 0.1
	}
	if v := embed(t, newStatic(table), "ash"); v != nil {
		t.Errorf("a text with nothing of its own has the vector %v", v)
	}
}
