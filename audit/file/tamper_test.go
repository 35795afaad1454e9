package file_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/internal/prove"
)

// aged is a directory of 40 records, some erased, closed in order, and the same after 20 records.
func aged(t testing.TB, c audit.Config) (old, now directory, saved []byte) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	s := openFile(t, dir)
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 0, 20)
	audittest.Close(t, l)
	old = readDir(t, dir)
	l = audittest.Open(t, s, c)
	audittest.Append(t, l, 20, 30)
	why := audit.Record{ID: "erasure", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked"}}
	if _, err := l.Erase(ctx, why, 3, 24); err != nil {
		t.Fatal(err)
	}
	audittest.Append(t, l, 30, 39)
	audittest.Close(t, l)
	s.Close()
	now = readDir(t, dir)
	return old, now, now["checkpoint"]
}

// mutateFile changes one file of a directory.
func mutateFile(r *rand.Rand, name string, old, now directory) []byte {
	b := slices.Clone(now[name])
	at := r.IntN(len(b))
	unit := map[string]int{"commitments": 64, "hashes": 32, "erased": 16}[name]
	switch r.IntN(8) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
	case 1:
		b[at] = byte(r.IntN(256))
	case 2:
		b = slices.Delete(b, at, min(at+1+r.IntN(200), len(b)))
	case 3:
		b = slices.Insert(b, at, b[at/2:at/2+1+r.IntN(at/2+1)]...)
	case 4:
		b = b[:at]
	case 5: // swap two records, or two stretches of the same length
		if unit == 0 {
			unit = 1 + r.IntN(len(b)/2)
		}
		n := len(b) / unit
		i, j := r.IntN(n)*unit, r.IntN(n)*unit
		x, y := slices.Clone(b[i:i+unit]), slices.Clone(b[j:j+unit])
		copy(b[i:], y)
		copy(b[j:], x)
	case 6: // last month's file, or its beginning in today's
		b = slices.Clone(old[name])
		if r.IntN(2) == 0 {
			n := r.IntN(len(b))
			b = append(b[:n], now[name][n:]...)
		}
	case 7: // last month's stretch somewhere else
		copy(b[at:], old[name][r.IntN(len(old[name])):])
	}
	return b
}

// firstRecord returns the first record whose bytes differ between two versions of a file. A change
// of what stands for the log as a whole counts as one of the first record not there.
func firstRecord(name string, good, bad []byte) int64 {
	at := 0
	for at < len(good) && at < len(bad) && good[at] == bad[at] {
		at++
	}
	switch {
	case name == "checkpoint":
		return 40
	case name == "erased":
		return 24 // the later of the two that it marks
	case at < 64:
		return 0
	case name == "commitments":
		return int64(at-64) / 64
	case name == "hashes":
		level, n := tlog.SplitStoredHashIndex(int64(at-64) / 32)
		return (n+1)<<level - 1
	}
	i, found := slices.BinarySearch(frames(good), at)
	if !found {
		i--
	}
	return int64(i)
}

// TestMutations changes the bytes on disk at random. All of them are under the saved checkpoint: each
// change must be reported, at the first bad record or a smaller index.
func TestMutations(t *testing.T) {
	c := audittest.Keys(t)
	keys := note.VerifierList(c.Verifier)
	old, now, saved := aged(t, c)
	dir := scratch(t)
	now.write(t, dir)
	want := read(t, dir)
	count, found, undone := prove.Count(10_000, 13_000), 0, 0
	if testing.Short() {
		count = 2000
	}
	names := []string{"bodies", "bodies", "bodies", "commitments", "commitments", "hashes", "checkpoint", "erased"}
	for seed := range count {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		name := names[r.IntN(len(names))]
		bad := mutateFile(r, name, old, now)
		if len(bad) >= len(now[name]) && bytes.Equal(bad[:len(now[name])], now[name]) && name != "checkpoint" {
			continue // nothing, or rubbish behind the end
		}
		if bytes.Equal(bad, now[name]) {
			continue
		}
		directory{name: bad}.write(t, dir)
		f, err := file.OpenReadOnly(dir)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, name, err)
		}
		report, err := audit.Verify(ctx, f, keys, saved)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", seed, name, err)
		}
		first := firstRecord(name, now[name], bad)
		switch {
		case !report.OK && (report.First < 0 || report.First > first || report.Problem == ""):
			t.Fatalf("seed %d, %s: first bad record is %d\n%v", seed, name, first, report)
		case report.OK && name != "erased": // where each mark is there twice
			t.Fatalf("seed %d, %s: not reported\n%v", seed, name, report)
		case report.OK && !slices.EqualFunc(want, read(t, dir), equal):
			t.Fatalf("seed %d, %s: not reported, and what it says has changed\n%v", seed, name, report)
		case report.OK:
			undone++
		default:
			found++
		}
		f.Close()
		directory{name: now[name]}.write(t, dir)
	}
	prove.Report(t, "files", "%d of %d changes of a log's files found; %d more changed one of two marks of an erasure, and nothing that it says", found, found, undone)
}

func equal(a, b audit.Stored) bool {
	return a.Commitment == b.Commitment && a.Erased == b.Erased && bytes.Equal(a.Body, b.Body)
}

// read returns the entries of a directory.
func read(t testing.TB, dir string) []audit.Stored {
	t.Helper()
	f, err := file.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []audit.Stored
	for e, err := range f.Entries(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestErasedHeader: a byte flipped in the header of the marks is reported also where nothing is
// erased, and so is a header that was cut.
func TestErasedHeader(t *testing.T) {
	c := audittest.Keys(t)
	dir := filepath.Join(t.TempDir(), "audit")
	s := openFile(t, dir)
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 0, 3)
	audittest.Close(t, l)
	s.Close()
	good := readDir(t, dir)
	for at := range good["erased"] {
		for _, bad := range [][]byte{append(append(bytes.Clone(good["erased"][:at]), good["erased"][at]^1), good["erased"][at+1:]...), good["erased"][:at]} {
			directory{"erased": bad}.write(t, dir)
			f, err := file.OpenReadOnly(dir)
			if err != nil {
				t.Fatal(err)
			}
			if report, err := audit.Verify(ctx, f, note.VerifierList(c.Verifier), nil); err != nil || report.OK || report.First != 0 {
				t.Errorf("byte %d of %d: %v, %v", at, len(bad), report, err)
			}
			f.Close()
		}
	}
}

// A missing file, and a directory rolled back as a whole.
func TestLostFiles(t *testing.T) {
	c := audittest.Keys(t)
	keys := note.VerifierList(c.Verifier)
	old, now, saved := aged(t, c)
	for _, name := range []string{"bodies", "checkpoint", "commitments", "erased", "hashes"} {
		dir := filepath.Join(t.TempDir(), "audit")
		found := maps.Clone(now)
		delete(found, name)
		found.write(t, dir)
		f, err := file.OpenReadOnly(dir)
		if err != nil {
			t.Fatal(name, err)
		}
		report, err := audit.Verify(ctx, f, keys, saved)
		f.Close()
		if err != nil || report.OK {
			t.Errorf("without %s: %v, %v", name, report, err)
		}
	}
	dir := filepath.Join(t.TempDir(), "audit")
	old.write(t, dir)
	s := openFile(t, dir)
	if report, err := audit.Verify(ctx, s, keys, saved); err != nil || report.OK || report.First > 20 {
		t.Error(report, err)
	}
	c.Saved = saved
	if _, err := audit.Open(ctx, s, c); err == nil {
		t.Error("a log that was rolled back was opened")
	}
}

// The erased text is in no file, and a crash at any point of the erasure is completed or without effect.
func TestErasure(t *testing.T) {
	c := audittest.Keys(t)
	dir := filepath.Join(t.TempDir(), "audit")
	s := openFile(t, dir)
	l := audittest.Open(t, s, c)
	audittest.Append(t, l, 0, 5)
	before := readDir(t, dir)
	why := audit.Record{ID: "erasure", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked"}}
	if _, err := l.Erase(ctx, why, 2); err != nil {
		t.Fatal(err)
	}
	audittest.Close(t, l)
	s.Close()
	after := readDir(t, dir)
	secret := []byte("question 2")
	if !bytes.Contains(before["bodies"], secret) {
		t.Fatal("the test looks for what was never there")
	}
	for name, b := range after {
		if bytes.Contains(b, secret) {
			t.Errorf("%s still holds the erased text", name)
		}
	}
	at := frames(before["bodies"])
	for marked := 64; marked <= 80; marked++ { // the first mark, as far as it got
		for blanked := at[2]; blanked <= at[3]; blanked += 50 {
			if marked < 80 && blanked > at[2] {
				continue // the mark is synced before the first byte goes
			}
			found := maps.Clone(after)
			found["erased"] = after["erased"][:marked]
			found["bodies"] = append(bytes.Clone(after["bodies"][:blanked]), before["bodies"][blanked:at[3]]...)
			found["bodies"] = append(found["bodies"], after["bodies"][at[3]:]...)
			dir := filepath.Join(t.TempDir(), "audit")
			found.write(t, dir)
			f, err := file.OpenReadOnly(dir)
			if err != nil {
				t.Fatal(err)
			}
			audittest.Verify(t, f, c, after["checkpoint"])
			f.Close()
			openFile(t, dir).Close()
			if gone := !bytes.Contains(readDir(t, dir)["bodies"], secret); gone != (marked == 80) {
				t.Fatalf("marked up to %d, blanked up to %d: the text is gone: %t", marked, blanked, gone)
			}
		}
	}
	// Bringing the text back from a backup shows.
	found := maps.Clone(after)
	found["bodies"] = append(bytes.Clone(before["bodies"]), after["bodies"][len(before["bodies"]):]...)
	if binary.LittleEndian.Uint32(found["bodies"][at[2]+4:]) == 0 {
		t.Fatal("nothing was brought back")
	}
	dir = filepath.Join(t.TempDir(), "audit")
	found.write(t, dir)
	f, err := file.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if report, err := audit.Verify(ctx, f, note.VerifierList(c.Verifier), nil); err != nil || report.OK || report.First != 2 {
		t.Error(report, err)
	}
}
