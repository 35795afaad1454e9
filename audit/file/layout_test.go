package file

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/muniment/muniment/audit"
)

func TestLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := row{
			index: rapid.Int64Range(0, 1<<62).Draw(t, "index"), offset: rapid.Int64Range(headerSize, 1<<62).Draw(t, "offset"),
			outbox: rapid.Uint64().Draw(t, "outbox"), length: rapid.Uint32Range(0, audit.MaxBody).Draw(t, "length"),
		}
		copy(w.commitment[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "commitment"))
		b := w.append(nil)
		if got, err := parseRow(b); err != nil || got != w || len(b) != rowSize {
			t.Fatal(got, err, len(b))
		}
		f := frame{index: w.index, outbox: w.outbox, salt: w.commitment, body: rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "body")}
		c := f.append(nil)
		got, err := parseFrame(c)
		if err != nil || got.index != f.index || got.outbox != f.outbox || got.salt != f.salt || !bytes.Equal(got.body, f.body) {
			t.Fatal(got, err)
		}
		for _, whole := range [][]byte{b, c} {
			i := rapid.IntRange(0, len(whole)*8-1).Draw(t, "bit")
			whole[i/8] ^= 1 << (i % 8)
		}
		if _, err := parseRow(b); err == nil {
			t.Fatal("a row with a changed bit was accepted")
		}
		if _, err := parseFrame(c); err == nil {
			t.Fatal("a frame with a changed bit was accepted")
		}
	})
}

func TestMarks(t *testing.T) {
	b := mark{5, eraseBegun}.append(nil)
	b = mark{7, eraseBegun}.append(b)
	b = mark{5, eraseDone}.append(b)
	torn := mark{9, eraseBegun}.append(nil)
	torn[3] ^= 1
	b = append(b, torn...)
	b = mark{1 << 40, eraseDone}.append(b)
	b = append(b, torn[:9]...)
	want := map[int64]uint32{5: eraseDone, 7: eraseBegun, 1 << 40: eraseDone}
	if diff := cmp.Diff(want, parseMarks(b)); diff != "" {
		t.Error(diff)
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(row{offset: headerSize}.append(nil))
	f.Add(frame{index: 1, body: []byte("{}")}.append(nil))
	f.Add(mark{1, eraseDone}.append(nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := parseRow(b); err == nil && !bytes.Equal(w.append(nil), b) {
			t.Error("a row has two spellings")
		}
		if p, err := parseFrame(b); err == nil && !bytes.Equal(p.append(nil), b) {
			t.Error("a frame has two spellings")
		}
		for index, state := range parseMarks(b) {
			if index < 0 || state != eraseBegun && state != eraseDone {
				t.Error(index, state)
			}
		}
	})
}
