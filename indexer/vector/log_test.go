package vector

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// history is a corpus that came in four batches, and what there was after each.
type history struct {
	*corpus
	batches []indexer.Batch
	answers [][]indexer.Hit // by revision
}

func newHistory(t *testing.T) *history {
	c := newCorpus(clusters(rand.New(rand.NewPCG(3, 3)), 12, 3, 12, 1), one)
	add := c.batch.Add
	h := &history{corpus: c, batches: []indexer.Batch{
		{To: 1, Add: add[:5]},
		{To: 2, Add: add[5:9], Remove: []catalog.Row{2, 3}},
		{To: 3},
		{To: 4, Add: add[9:], Remove: []catalog.Row{7}},
	}}
	x := open(t, t.TempDir())
	defer x.Close()
	h.answers = append(h.answers, nil)
	for _, b := range h.batches {
		apply(t, x, b)
		h.answers = append(h.answers, h.ask(t, x))
	}
	return h
}

func (h *history) ask(t *testing.T, x *Index) []indexer.Hit {
	t.Helper()
	return search(t, x, h.view(t), []float32{1, 0, 0}, 100)
}

// log is what the history leaves on disk.
func (h *history) log(t *testing.T) []byte {
	dir := t.TempDir()
	x := open(t, dir)
	apply(t, x, h.batches...)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// opened opens an index with the given log, which must be as it was at some revision. Fed
// what it lacks, it must then be as it should.
func (h *history) opened(t *testing.T, log []byte) catalog.Revision {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, logName), log, 0o600); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir)
	at := x.Revision()
	if at > 4 {
		t.Fatalf("it is at revision %d", at)
	}
	if diff := cmp.Diff(h.answers[at], h.ask(t, x), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("at revision %d (-want +got):\n%s", at, diff)
	}
	apply(t, x, h.batches[at:]...)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	defer x.Close()
	if diff := cmp.Diff(h.answers[4], h.ask(t, x)); diff != "" || x.Revision() != 4 {
		t.Errorf("filled in from %d to %d (-want +got):\n%s", at, x.Revision(), diff)
	}
	return at
}

func TestDamagedLog(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	if at := h.opened(t, log); at != 4 {
		t.Errorf("the whole log opens at revision %d", at)
	}
	for i := range log {
		changed := bytes.Clone(log)
		changed[i] ^= 0x40
		if at := h.opened(t, changed); at > 3 || i < len(magic)+len(catalog.ID{}) && at != 0 {
			t.Errorf("with a damaged byte %d it opens at revision %d", i, at)
		}
		if i%4 != 0 {
			continue // opening and filling in takes a while
		}
		if at := h.opened(t, log[:i]); at > 3 {
			t.Errorf("cut to %d bytes it opens at revision %d", i, at)
		}
	}
	if at := h.opened(t, append(bytes.Clone(log), "garbage that is no frame"...)); at != 4 {
		t.Errorf("with garbage behind it opens at revision %d", at)
	}
}

func TestMissingLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, tmpName), []byte(magic+"half a log"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := open(t, filepath.Join(dir, "new", "directory"))
	if x.Revision() != 0 {
		t.Error("a new index is not at revision 0")
	}
	x.Close()
	x = open(t, dir)
	defer x.Close()
	if _, err := os.Stat(filepath.Join(dir, tmpName)); x.Revision() != 0 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log that was begun is taken for one (revision %d, %v)", x.Revision(), err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, catalog.ID{1}, x.log); err == nil {
		t.Error("a file was opened as a directory")
	}
}

// TestDamageWhileOpen changes a vector on disk behind the index's back.
func TestDamageWhileOpen(t *testing.T) {
	h := newHistory(t)
	dir := t.TempDir()
	x := open(t, dir)
	defer x.Close()
	apply(t, x, h.batches...)
	path := filepath.Join(dir, logName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	value := binary.LittleEndian.AppendUint32(nil, math.Float32bits(h.vectors[12][0]))
	b[bytes.LastIndex(b, value)+3] ^= 0x81
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		hits, err := r.Search(t.Context(), h.view(t), indexer.Query{Space: here, Vector: h.vectors[12]}, 100)
		if !errors.Is(err, ErrDamaged) || hits != nil {
			t.Errorf("got %v, %v", hits, err)
		}
	}
	if _, err := x.Reader(t.Context()); !errors.Is(err, ErrDamaged) || x.Revision() != 0 {
		t.Errorf("a reader after that: %v, at revision %d", err, x.Revision())
	}
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, x, h.batches...)
	if diff := cmp.Diff(h.answers[4], h.ask(t, x)); diff != "" || x.Revision() != 4 {
		t.Errorf("after Reset, at revision %d:\n%s", x.Revision(), diff)
	}
}

// TestDiskFull: what cannot be written changes nothing.
func TestDiskFull(t *testing.T) {
	h := newHistory(t)
	dir := t.TempDir()
	x := open(t, dir)
	defer x.Close()
	apply(t, x, h.batches[:2]...)
	writable := x.now.file.File
	readonly, err := os.Open(filepath.Join(dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	defer readonly.Close()
	x.now.file.File = readonly
	if err := x.Apply(t.Context(), h.batches[3]); err == nil {
		t.Error("Apply did not fail")
	}
	if diff := cmp.Diff(h.answers[2], h.ask(t, x)); diff != "" || x.Revision() != 2 {
		t.Errorf("after a failure, at revision %d:\n%s", x.Revision(), diff)
	}
	x.now.file.File = writable
	apply(t, x, h.batches[2:]...)
	if diff := cmp.Diff(h.answers[4], h.ask(t, x)); diff != "" {
		t.Errorf("after it worked again:\n%s", diff)
	}
}

func TestCompact(t *testing.T) {
	h := newHistory(t)
	dir := t.TempDir()
	x := open(t, dir)
	apply(t, x, h.batches...)
	apply(t, x, indexer.Batch{To: 5, Add: []indexer.Entry{{Row: 20, Space: "other", Vector: []float32{1, 2}}}})
	before, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	read := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, logName))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	gone := binary.LittleEndian.AppendUint32(nil, math.Float32bits(h.vectors[7][1]))
	if !bytes.Contains(read(), gone) {
		t.Fatal("the removed vector is not in the log to begin with")
	}
	if err := x.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := read()
	if bytes.Contains(log, gone) {
		t.Error("a removed vector is still in the log")
	}
	hits, err := before.Search(t.Context(), h.view(t), indexer.Query{Space: here, Vector: []float32{1, 0, 0}}, 100)
	if diff := cmp.Diff(h.answers[4], hits); diff != "" || err != nil {
		t.Errorf("the reader from before: %v\n%s", err, diff)
	}
	x.Close()
	x = open(t, dir)
	defer x.Close()
	if diff := cmp.Diff(h.answers[4], h.ask(t, x)); diff != "" || x.Revision() != 5 {
		t.Errorf("reopened at revision %d (-want +got):\n%s", x.Revision(), diff)
	}
	// A compacted log whose end is missing is not level with anything.
	if at := h.opened(t, log[:len(log)-1]); at != 0 {
		t.Errorf("without its end it opens at revision %d", at)
	}
}

// TestTidy replaces vectors again and again: neither disk nor memory may grow with it.
func TestTidy(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	x := open(t, t.TempDir())
	defer x.Close()
	for to := range 60 {
		b := indexer.Batch{To: catalog.Revision(to + 1)}
		for i, v := range clusters(random, 500, 64, 10, 1) {
			b.Add = append(b.Add, indexer.Entry{Row: catalog.Row(i + 1), Space: here, Vector: v})
		}
		apply(t, x, b)
	}
	c := x.now.columns[space{here, 64}]
	if limit := int64(3 << 20); x.now.size > limit || c.count != 500 || c.slots > 12_000 {
		t.Errorf("a log of %d bytes and %d slots for %d vectors", x.now.size, c.slots, c.count)
	}
	if err := x.Retain(context.Background(), func(row catalog.Row) bool { return row%2 == 0 }); err != nil {
		t.Fatal(err)
	}
	if c := x.now.columns[space{here, 64}]; c.count != 250 || x.Revision() != 60 {
		t.Errorf("%d vectors retained, at revision %d", c.count, x.Revision())
	}
}

func FuzzFrame(f *testing.F) {
	seed := &frame{revision: 7, remove: []catalog.Row{1, 2}, add: []addition{
		{space: space{"a", 2}, row: 3, vector: []float32{1, 2}}, {space: space{"b", 1}, row: 4, vector: []float32{3}},
	}}
	f.Add(seed.encode()[frameHead:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := decodeFrame(b)
		if err != nil {
			return
		}
		for _, a := range frame.add {
			if at := a.at - frameHead; at < 0 || !bytes.Equal(b[at:][:4], binary.LittleEndian.AppendUint32(nil, math.Float32bits(a.vector[0]))) {
				t.Fatalf("a vector is not at byte %d", a.at)
			}
		}
		again, err := decodeFrame(frame.encode()[frameHead:])
		if err != nil {
			t.Fatal(err)
		}
		options := cmp.Options{cmp.AllowUnexported(*frame, addition{}, space{}), cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmpopts.IgnoreFields(addition{}, "at")}
		if diff := cmp.Diff(frame, again, options); diff != "" {
			t.Fatalf("(-decoded +encoded and decoded):\n%s", diff)
		}
	})
}
