package bolt

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
)

// sector is what a disk writes at once, or not at all.
const sector = 512

// TestTornPages (AVL-07) makes what a power cut may leave of a commit, and opens it: the
// state before or after, whole, and fit to go on. bbolt writes the pages of a commit in any
// order, syncs them, and only then writes one meta page; so until that is there any of the
// pages' sectors may be, and with it all of them are. The pages are those in which the file
// differs before and after, so nothing here knows what bbolt meant to write.
func TestTornPages(t *testing.T) {
	const documents, commits = 12, 40
	random := rand.New(rand.NewPCG(7, 7))
	p := lived(t, random, documents, commits)
	path := file(t)
	all := images(t)
	before, after := 0, 0
	counts := map[string]int{}
	for n := range all {
		i := random.IntN(commits)
		tear := tearings[n%len(tearings)]
		image := tear.image(random, p.images[i], p.images[i+1])
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		how := fmt.Sprintf("image %d of %d, commit %d, %s", n, all, i, tear.name)
		s, err := Open(path, Options{noSync: n%20 != 0, tight: true, Retention: 3})
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		got := everything(s, documents)
		old, new := maps.Equal(got, p.truths[i]), maps.Equal(got, p.truths[i+1])
		switch {
		case !old && !new:
			t.Fatalf("%s: neither the state before nor the one after:\n%v", how, got)
		case !old && tear.before, !new && tear.after:
			t.Fatalf("%s: before %v, after %v", how, old, new)
		case old:
			before++
		default:
			after++
		}
		counts[tear.name]++
		goesOn(t, s, how)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d torn images: %d opened as before the commit, %d as after it, 0 as anything else; %v", all, before, after, counts)
	if before == 0 || after == 0 {
		t.Error("too few of one sort")
	}
}

// goesOn checks the store, commits to it and checks it again, and its file's pages too.
func goesOn(t *testing.T, s *Store, how string) {
	t.Helper()
	for range 2 {
		if err := s.Check(t.Context(), nil); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if err := s.db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				t.Errorf("%s: bbolt: %v", how, err)
			}
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		commit(t, s, line("doc0", 1000), line("new", 1000))
	}
}

// tearing is one way in which a commit may be cut off, and what must then be read.
type tearing struct {
	name          string
	before, after bool // nothing else will do
	image         func(random *rand.Rand, old, new []byte) []byte
}

var tearings = []tearing{
	{"some sectors", true, false, func(random *rand.Rand, old, new []byte) []byte {
		return pages(random, old, new, sector)
	}},
	{"some pages", true, false, func(random *rand.Rand, old, new []byte) []byte {
		return pages(random, old, new, os.Getpagesize())
	}},
	{"all pages, no meta page", true, false, func(_ *rand.Rand, old, new []byte) []byte {
		return withMeta(new, old, 0, 2*os.Getpagesize())
	}},
	{"the start of the meta page", false, false, func(random *rand.Rand, old, new []byte) []byte {
		// Less than a sector, which is more than a disk may do.
		at, length := metaDifference(old, new)
		return withMeta(new, old, at+random.IntN(length+1), 2*os.Getpagesize())
	}},
	{"the end of the meta page", false, false, func(random *rand.Rand, old, new []byte) []byte {
		at, length := metaDifference(old, new)
		return withMeta(new, old, 0, at+random.IntN(length+1))
	}},
	{"everything", false, true, func(_ *rand.Rand, _, new []byte) []byte { return bytes.Clone(new) }},
}

// pages returns the old file with some of the units that the new one has differently, but
// not the meta pages. If the file has grown, it may be as long as before or as after.
func pages(random *rand.Rand, old, new []byte, unit int) []byte {
	image := bytes.Clone(old)
	if random.IntN(3) > 0 {
		image = append(image, make([]byte, max(0, len(new)-len(old)))...)
	}
	share := random.Float64()
	for at := 2 * os.Getpagesize(); at < len(image); at += unit {
		if random.Float64() < share {
			copy(image[at:], new[at:at+unit])
		}
	}
	return image
}

// withMeta returns the new file with a part of the old one's meta pages.
func withMeta(new, old []byte, from, to int) []byte {
	image := bytes.Clone(new)
	copy(image[from:to], old[from:to])
	return image
}

// metaDifference is where the meta pages differ.
func metaDifference(old, new []byte) (at, length int) {
	differs := func(i int) bool { return old[i] != new[i] }
	all := make([]int, 2*os.Getpagesize())
	for i := range all {
		all[i] = i
	}
	first := slices.IndexFunc(all, differs)
	slices.Reverse(all)
	last := all[slices.IndexFunc(all, differs)]
	return first, last - first + 1
}
