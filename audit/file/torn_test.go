package file_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

var ctx = context.Background()

// directory is the content of a log's directory.
type directory map[string][]byte

func readDir(t testing.TB, dir string) directory {
	t.Helper()
	d := directory{}
	for _, name := range []string{"bodies", "checkpoint", "commitments", "erased", "hashes"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d[name] = b
	}
	return d
}

func (d directory) write(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range d {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// scratch returns a new directory in memory where the system has one. Tests that open a log thousands
// of times learn nothing from a disk that really syncs, and wait for it.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "audit-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// scene is a log in the middle of an append: 5 records are acknowledged and under no checkpoint but
// the empty one, 3 more were being written.
type scene struct {
	audit.Config
	before, after directory
}

func newScene(t testing.TB) scene {
	t.Helper()
	s := scene{Config: audittest.Keys(t)}
	m := &audittest.Memory{}
	l := audittest.Open(t, m, s.Config)
	empty, err := m.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 8 {
		r := audittest.Record(n)
		r.Outbox = uint64(n + 1)
		if _, err := l.Append(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	audittest.Close(t, l)
	dir := filepath.Join(t.TempDir(), "audit")
	f := openFile(t, dir)
	add := func(b audit.Batch) {
		t.Helper()
		if err := f.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	cut := tlog.StoredHashCount(5)
	add(audit.Batch{Checkpoint: empty.Checkpoint})
	add(audit.Batch{Entries: m.Stored[:5], Hashes: m.Hash[:cut]})
	s.before = readDir(t, dir)
	add(audit.Batch{First: 5, Entries: m.Stored[5:], Hashes: m.Hash[cut:]})
	s.after = readDir(t, dir)
	return s
}

// recovers opens a directory as it was found after a crash, as reader and as writer, and requires
// every acknowledged record and, if it shall go on, that the log takes more.
func (s scene) recovers(t *testing.T, what string, found directory, goesOn bool) {
	t.Helper()
	dir := filepath.Join(scratch(t), "audit")
	found.write(t, dir)
	r, err := file.OpenReadOnly(dir)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer r.Close()
	seen := audittest.Verify(t, r, s.Config, nil).Records
	f, err := file.Open(dir)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer f.Close()
	l := audittest.Open(t, f, s.Config)
	defer l.Close()
	n := l.Size()
	if n < 5 || n > 8 || n != seen || l.Outbox() != uint64(n) {
		t.Fatalf("%s: %d records and outbox %d, the reader saw %d records", what, n, l.Outbox(), seen)
	}
	for i := range n {
		if got, _, err := l.Record(ctx, i); err != nil || got.ID != audittest.Record(int(i)).ID {
			t.Fatalf("%s: record %d: %q, %v", what, i, got.ID, err)
		}
	}
	if !goesOn {
		return
	}
	audittest.Append(t, l, 100, 102)
	audittest.Close(t, l)
	if got := audittest.Verify(t, f, s.Config, nil); got.Proven != n+2 {
		t.Fatalf("%s: %v", what, got)
	}
}

// step is how many offsets a test of all offsets goes forward at once: all of them in the long form.
func step() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// A killed process leaves a beginning of what it wrote, in the order it wrote it.
func TestTornAtEveryByte(t *testing.T) {
	s := newScene(t)
	found := maps.Clone(s.before)
	for _, name := range []string{"bodies", "commitments", "hashes"} {
		for n := len(s.before[name]); n <= len(s.after[name]); n += step() {
			found[name] = s.after[name][:n]
			s.recovers(t, fmt.Sprintf("%s cut to %d bytes", name, n), found, n%31 == 0)
		}
		found[name] = s.after[name]
	}
}

// A power cut may lose or garble whatever was not synced: rows and hashes altogether, and the end of bodies.
func TestPowerCut(t *testing.T) {
	s := newScene(t)
	for _, bodies := range [][]byte{s.before["bodies"], s.after["bodies"]} {
		for name, garble := range map[string]func([]byte) []byte{
			"lost":   func(b []byte) []byte { return b[:64] },
			"torn":   func(b []byte) []byte { return b[:len(b)-40] },
			"zeroed": func(b []byte) []byte { return append(b[:64:64], make([]byte, len(b)-64)...) },
		} {
			found := directory{
				"checkpoint": s.after["checkpoint"], "erased": s.after["erased"],
				"bodies":      bodies,
				"commitments": garble(s.before["commitments"]),
				"hashes":      garble(s.before["hashes"]),
			}
			s.recovers(t, "rows and hashes "+name, found, true)
			found["bodies"] = append(bytes.Clone(bodies), make([]byte, 3000)...)
			s.recovers(t, "bodies extended by zeros, rows and hashes "+name, found, true)
		}
	}
}

// A crash before the first checkpoint was saved leaves an empty log, and one while the files were
// made leaves any beginning of them.
func TestTornBeginning(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"commitments", "bodies", "hashes", "erased"} {
		for _, n := range []int{0, 1, 63, 64} {
			dir := t.TempDir()
			directory{name: s.before[name][:n]}.write(t, dir)
			l := audittest.Open(t, openFile(t, dir), s.Config)
			audittest.Append(t, l, 0, 3)
			audittest.Close(t, l)
		}
	}
}

// What was acknowledged is not cut, whatever it looks like now: a row says that its frame was synced.
func TestAcknowledgedIsNotTorn(t *testing.T) {
	s := newScene(t)
	for i := range 5 {
		for _, flip := range []int{0, 4, 8, 16, 24, 60} {
			found := maps.Clone(s.before)
			found["bodies"] = bytes.Clone(found["bodies"])
			found["bodies"][frames(s.before["bodies"])[i]+flip] ^= 1
			dir := filepath.Join(t.TempDir(), "audit")
			found.write(t, dir)
			_, err := file.Open(dir)
			damage(t, err, int64(i))
			if now := readDir(t, dir); !maps.EqualFunc(now, found, bytes.Equal) {
				t.Fatal("the damaged files were written to")
			}
			r, err := file.OpenReadOnly(dir)
			if err != nil {
				t.Fatal(err)
			}
			report, err := audit.Verify(ctx, r, nil, nil)
			r.Close()
			if err != nil || report.OK || report.First > int64(i) {
				t.Fatal(report, err)
			}
		}
	}
}

// frames returns where each frame of a bodies file begins, and where the last one ends.
func frames(bodies []byte) []int {
	at := []int{64}
	for at[len(at)-1] < len(bodies) {
		last := at[len(at)-1]
		at = append(at, last+56+int(binary.LittleEndian.Uint32(bodies[last:])))
	}
	return at
}
