package audit

import (
	"bytes"
	"crypto/sha256"
	"math"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// The commitment and the lines are what docs and other verifiers rely on; changing them is a new version.
func TestFormats(t *testing.T) {
	var salt [32]byte
	salt[0] = 7
	want := sha256.Sum256([]byte("muniment audit record v1\n" + string(salt[:]) + `{"id":"x"}`))
	if got := Commitment(&salt, []byte(`{"id":"x"}`)); got != want {
		t.Errorf("%x", got)
	}
	if got := Leaf(want); got != tlog.Hash(sha256.Sum256(append([]byte{0}, want[:]...))) {
		t.Errorf("%x", got)
	}
	zero := strings.Repeat("0", 64)
	for want, l := range map[string]line{
		`{"index":3,"commitment":"` + zero + `","leaf":"` + zero + `","outbox":9,"salt":"07` + zero[2:] + `","body":{"id":"x"}}` + "\n": {
			entry: Stored{Index: 3, Outbox: 9, Salt: salt, Body: []byte(`{"id":"x"}`)}},
		`{"index":0,"commitment":"` + zero + `","leaf":"` + zero + `","outbox":0,"erased":true}` + "\n": {entry: Stored{Erased: true}},
		`{"checkpoint":"a\n1\n\n— b c\n"}` + "\n":                                                       {checkpoint: []byte("a\n1\n\n— b c\n")},
	} {
		if got := string(l.append(nil)); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}

// The tree is tlog's: same stored hashes in the same order, same root, at every size.
func TestTreeIsTlogs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 300).Draw(t, "size")
		var tree Tree
		var ours, theirs []tlog.Hash
		reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
			var h []tlog.Hash
			for _, i := range at {
				h = append(h, theirs[i])
			}
			return h, nil
		})
		for n := range size {
			leaf := tlog.RecordHash([]byte{byte(n), byte(n >> 8)})
			more, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs = tree.Add(leaf, ours), append(theirs, more...)
		}
		if len(ours) != len(theirs) || int64(len(ours)) != tlog.StoredHashCount(size) {
			t.Fatalf("%d hashes, want %d", len(ours), len(theirs))
		}
		for i := range ours {
			if ours[i] != theirs[i] {
				t.Fatalf("hash %d differs", i)
			}
		}
		want, err := tlog.TreeHash(size, reader)
		if err != nil || tree.Root() != want {
			t.Fatalf("root %v, want %v, %v", tree.Root(), want, err)
		}
		again, err := ReadTree(size, reader)
		if err != nil || again.Root() != want || again.Size() != size {
			t.Fatalf("read back: root %v, want %v, %v", again.Root(), want, err)
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, l := range []line{
		{entry: Stored{Index: 3, Outbox: math.MaxUint64, Body: []byte(`{"id":"x"}`)}},
		{entry: Stored{Index: 1, Erased: true}},
		{checkpoint: []byte("a\n1\n\n— b c\n")},
	} {
		f.Add(bytes.TrimSuffix(l.append(nil), []byte("\n")))
	}
	f.Add([]byte(`{"checkpoint":"a"}}`))
	f.Add([]byte(`{"index":-1,`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseLine(text)
		if err == nil && string(l.append(nil)) != string(text)+"\n" {
			t.Errorf("%q is another spelling of %q", text, l.append(nil))
		}
		if err == nil && l.entry.Index < 0 {
			t.Error("negative index")
		}
		claimedLeaf(text, 5)
	})
}
