package bolt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// imagesVariable is how many images of a file TestTornPages and TestDamagedPages each make.
const imagesVariable = "MUNIMENT_TEST_IMAGES"

func images(t *testing.T) int {
	t.Helper()
	if text := os.Getenv(imagesVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			t.Fatalf("%s=%q is not a number of images", imagesVariable, text)
		}
		return n
	}
	if testing.Short() {
		return 60
	}
	return 200
}

// past is what a file was like after each commit of a history, and what was then read.
type past struct {
	images [][]byte
	truths []map[string]string
}

// lived makes a history that uses pages again: of every kind of commit, small and large,
// with few revisions kept. The documents are those that everything reads.
func lived(t *testing.T, random *rand.Rand, documents, commits int) (p past) {
	t.Helper()
	path := file(t)
	s, err := Open(path, Options{noSync: true, tight: true, Retention: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.db.AllocSize = 64 << 10
	note := func() {
		t.Helper()
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.images); n > 0 && bytes.Equal(image, p.images[n-1]) {
			return // there was nothing to take
		}
		p.images, p.truths = append(p.images, image), append(p.truths, everything(s, documents))
	}
	sample(t, s, documents, 0, 3)
	note()
	last := uint64(0)
	for version := int64(10); len(p.images) <= commits; version++ {
		if random.IntN(6) == 0 {
			for r, err := range s.Outbox().Pending(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				last = r.Sequence
			}
			if err := s.Outbox().Take(t.Context(), last-min(last, random.Uint64N(5))); err != nil {
				t.Fatal(err)
			}
			note()
			continue
		}
		var ms []catalog.Mutation
		for range 1 + random.IntN(6) {
			ms = append(ms, anyChange(random, documents, version))
		}
		_, err := s.Commit(t.Context(), catalog.Commit{Mutations: ms, At: time.Unix(version, 0), Record: func(r catalog.Revision, i int, _ catalog.Outcome) [][]byte {
			return [][]byte{fmt.Append(nil, "record ", r, " ", i)}
		}})
		if err != nil {
			t.Fatal(err)
		}
		note()
	}
	return p
}

// anyChange is a mutation of one of the documents, or of what decides about them.
func anyChange(random *rand.Rand, documents int, version int64) catalog.Mutation {
	id := catalog.DocumentID{Source: "handbook", ID: fmt.Sprint("doc", random.IntN(documents))}
	switch random.IntN(8) {
	case 0:
		return catalog.DeleteDocument{Document: id, Version: version}
	case 1:
		return catalog.PutGroup{Group: "group:x", Members: []acl.Principal{acl.Principal(fmt.Sprint("user:corp/", version))}}
	case 2:
		return catalog.PutAccess{Document: id, Access: catalog.AccessPatch{Version: version, Policy: &acl.Policy{Layers: []acl.Layer{
			{Allow: []acl.Grant{{Principal: acl.Principal(fmt.Sprint("user:corp/", version))}}},
		}}}}
	case 3:
		m := line(id.ID, version)
		m.Text = strings.Repeat(m.Text+"\n", 1+random.IntN(1000)) // over several pages
		return m
	default:
		return line(id.ID, version)
	}
}
