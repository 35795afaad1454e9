package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// TestDamagedPages (AVL-08) damages pages of the file itself: bits, bytes, whole pages, pages
// of an earlier commit or of elsewhere. Whatever then opens serves the truth or ErrDamaged,
// before commits and after them, and where anything is missing the check says so. Another
// process examines the files: damage that makes a cycle of bbolt's pages, or a pointer out
// of its memory, can end the process, which is no wrong answer either.
//
// Images that read as if nothing had happened are not counted: the damage hit what nothing
// is read from, such as the room between values.
func TestDamagedPages(t *testing.T) {
	const documents, commits = 40, 12
	random := rand.New(rand.NewPCG(3, 4))
	p := lived(t, random, documents, commits)
	truth, all := p.truths[commits], images(t)
	dir := t.TempDir()
	used := usedPages(t, p.images[commits])
	x := newExaminer(t)
	refused, read, found, ended, harmless := 0, 0, 0, 0, 0
	counts := map[string]int{}
	for round := 0; refused+read+found+ended < all; round++ {
		if round > 10*all {
			t.Fatal("nearly nothing is damaged")
		}
		content, kind, at := damage(random, round, p, used)
		how := fmt.Sprintf("round %d, %s at byte %d", round, kind, at)
		path := filepath.Join(dir, fmt.Sprint(round)) // one that was refused may stay open
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		e, crash := x.examined(path, documents)
		os.Remove(path)
		if e.Wrong != "" {
			t.Fatalf("%s: %s", how, e.Wrong)
		}
		served(t, truth, e.Answers, how)
		served(t, truth, unchanging(e.Later), how+", after commits")
		same := maps.Equal(e.Answers, truth)
		switch {
		case crash != "":
			t.Logf("%s: the process ended: %s", how, crash)
			ended++
		case e.Refused != "":
			refused++
		case !same && e.Found == "":
			t.Fatalf("%s: something is missing and the check finds nothing wrong", how)
		case !same:
			read++
		case e.Found != "":
			found++
		default:
			harmless++
			continue
		}
		counts[kind]++
	}
	t.Logf("%d damaged images: %d refused at opening, %d named by a read, %d named by the check alone, %d ended the process, 0 served anything else; %v; besides, %d images whose damage nothing is read from",
		all, refused, read, found, ended, counts, harmless)
	if refused == 0 || read == 0 || ended > all/10 { // what the check alone finds is rare, and may be none
		t.Error("too little was examined to say anything")
	}
}

// unchanging are the answers that commits to other documents leave as they are.
func unchanging(all map[string]string) map[string]string {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return strings.HasPrefix(name, "change ") || strings.HasPrefix(name, "record ")
	})
	return kept
}

// damage returns the newest image damaged in one place, how and where.
func damage(random *rand.Rand, round int, p past, used []int) (content []byte, kind string, at int) {
	page := os.Getpagesize()
	whole := p.images[len(p.images)-1]
	content = bytes.Clone(whole)
	for bytes.Equal(content, whole) {
		at = used[random.IntN(len(used))]*page + random.IntN(page)
		place := content[at/page*page:]
		switch round % 7 {
		case 0:
			kind = "a bit flipped"
			content[at] ^= 1 << random.IntN(8)
		case 1:
			kind = "bits flipped"
			for range 2 + random.IntN(20) {
				place[random.IntN(page)] ^= 1 << random.IntN(8)
			}
		case 2:
			kind = "random bytes"
			for i := range min(random.IntN(200)+1, len(content)-at) {
				content[at+i] = byte(random.Uint32())
			}
		case 3:
			kind = "a page zeroed"
			clear(place[:page])
		case 4:
			kind = "a page in another's place"
			copy(place[:page], whole[used[random.IntN(len(used))]*page:])
		case 5:
			kind = "a stale page"
			earlier := p.images[random.IntN(len(p.images)-1)]
			if len(earlier) > at {
				copy(place[:page], earlier[at/page*page:])
			}
		case 6:
			kind = "stale pages" // a write of several that was lost
			earlier := p.images[random.IntN(len(p.images)-1)]
			if len(earlier) > at {
				copy(place[:page*min(2+random.IntN(6), len(place)/page)], earlier[at/page*page:])
			}
		}
	}
	return content, kind, at
}

// usedPages are the pages of an image that are not free, without the two meta pages (see
// TestDamagedMetaPage).
func usedPages(t *testing.T, image []byte) (list []int) {
	t.Helper()
	path := file(t)
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{noSync: true, tight: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for id := 2; ; {
			info, err := tx.Page(id)
			if err != nil || info == nil {
				return err
			}
			for range 1 + info.OverflowCount {
				if info.Type != "free" {
					list = append(list, id)
				}
				id++
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestDamagedMetaPage damages the newer of the two meta pages. That looks the same as a
// commit which a power cut has cut off, so the file opens as it was before the commit,
// whole. That something is missing then shows in the audit log (see catalog.Outbox). With
// both damaged nothing opens.
func TestDamagedMetaPage(t *testing.T) {
	const documents, commits = 12, 6
	random := rand.New(rand.NewPCG(8, 8))
	p := lived(t, random, documents, commits)
	page := os.Getpagesize()
	dir, n := t.TempDir(), 0
	opened := func(image []byte) (*Store, error) {
		t.Helper()
		n++ // one that was refused may stay open
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		return Open(path, Options{noSync: true, tight: true, Retention: 3})
	}
	for round := range images(t) / 5 {
		i := round % commits
		old, new := p.images[i], bytes.Clone(p.images[i+1])
		at, _ := metaDifference(old, new)
		meta := new[at/page*page:][:page]
		meta[16+random.IntN(64)] ^= 1 << random.IntN(8) // what the checksum covers, or the checksum
		s, err := opened(new)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got := everything(s, documents); !maps.Equal(got, p.truths[i]) {
			t.Fatalf("round %d: not the state before", round)
		}
		goesOn(t, s, fmt.Sprint("round ", round))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		new = bytes.Clone(p.images[i+1])
		new[16+random.IntN(64)] ^= 1 << random.IntN(8)
		new[page+16+random.IntN(64)] ^= 1 << random.IntN(8)
		if _, err := opened(new); !errors.Is(err, catalog.ErrDamaged) {
			t.Fatalf("round %d: both meta pages are damaged: %v", round, err)
		}
	}
}
