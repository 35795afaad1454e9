package file_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
)

// TestErasedIsInNoFile: what a record said is in no file of the data directory once it is
// erased, the register included, which is made anew without it; and every proof stays valid.
func TestErasedIsInNoFile(t *testing.T) {
	data := t.TempDir()
	s := openFile(t, filepath.Join(data, "audit"))
	c := audittest.Keys(t)
	var err error
	if c.Shelf, err = file.OpenShelf(filepath.Join(data, "register")); err != nil {
		t.Fatal(err)
	}
	l := audittest.Open(t, s, c)
	const erased = 1234
	audittest.Append(t, l, 0, erased)
	r := audittest.Record(erased)
	r.User, r.Retrieval.Query, r.Retrieval.Sources[0].ID = "user:corp/zeno", "the words of zeno", "zeno.md"
	entry, err := l.Append(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	audittest.Append(t, l, erased+1, 4200) // past the end of a block of the register
	before, err := l.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := holding(t, data, "zeno"); n == 0 {
		t.Fatal("the test looks for what was never there")
	}
	if mentions(t, data)[erased] == 0 {
		t.Fatal("the register does not mention the record")
	}
	why := audit.Record{ID: "erasure", Time: time.Unix(1, 0), Erasure: &audit.Erasure{Reason: "asked"}}
	if _, err := l.Erase(ctx, why, erased); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []audit.Subject{audit.ByUser("user:corp/zeno"), audit.OfDocument("handbook", "zeno.md"), audit.WithID(r.ID)} {
		for item, err := range l.Find(ctx, subject, audit.Newest) { // makes the block anew
			t.Errorf("it is found: %v, %v", item, err)
		}
	}
	if n := mentions(t, data); n[erased] != 0 || n[erased+1] == 0 {
		t.Errorf("the register mentions the record %d times, and the next one %d times", n[erased], n[erased+1])
	}
	after, err := l.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	old, newest := parsed(t, before), parsed(t, after)
	for _, in := range []audit.Checkpoint{old, newest} {
		proof, err := l.Inclusion(ctx, entry.Index, in.N)
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.CheckInclusion(in, entry, inHex(proof)); err != nil {
			t.Errorf("the erased record in a tree of %d: %v", in.N, err)
		}
	}
	consistency, err := l.Consistency(ctx, old.N, newest.N)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.CheckConsistency(old, newest, inHex(consistency)); err != nil {
		t.Error(err)
	}
	audittest.Close(t, l)
	if report := audittest.Verify(t, s, c, before); report.Erased != 1 {
		t.Error(report)
	}
	s.Close()
	if n := holding(t, data, "zeno"); n != 0 {
		t.Errorf("%d files still hold what was erased", n)
	}
}

// holding counts the files below a directory that hold a text.
func holding(t *testing.T, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mentions is how often the register's first block mentions each record.
func mentions(t *testing.T, data string) map[int]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(data, "register", "00000000"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for b = b[48 : len(b)-4]; len(b) > 0; b = b[10:] {
		count[int(binary.LittleEndian.Uint16(b[8:]))]++
	}
	return count
}

func parsed(t *testing.T, msg []byte) audit.Checkpoint {
	t.Helper()
	c, err := audit.ReadCheckpoint(msg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inHex(hashes []tlog.Hash) (list []string) {
	for _, h := range hashes {
		list = append(list, hex.EncodeToString(h[:]))
	}
	return list
}
