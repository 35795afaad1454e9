package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
)

// examinedVariable holds the damaged file that a process opens and reads.
const examinedVariable = "MUNIMENT_TEST_CATALOG_TO_EXAMINE"

const pagesDocuments = 40

// examination is what a process says of a damaged file.
type examination struct {
	Refused string // why it was not opened
	Answers map[string]string
	Found   string // by the check
	Wrong   string // anything that must not happen
}

// examine opens a damaged file and reads all of it, then commits to it.
func examine(path string) (e examination) {
	wrong := func(what string, err error) {
		if err != nil && !errors.Is(err, catalog.ErrDamaged) {
			e.Wrong = fmt.Sprintf("%s: %v", what, err)
		}
	}
	s, err := Open(path, Options{noSync: true, Retention: 1})
	if err != nil {
		wrong("opening", err)
		e.Refused = err.Error()
		return e
	}
	e.Answers = everything(s, pagesDocuments)
	if err := s.Check(context.Background(), nil); err != nil {
		wrong("checking", err)
		e.Found = err.Error()
	}
	for i := range pagesDocuments {
		_, err := s.Commit(context.Background(), catalog.Commit{Mutations: []catalog.Mutation{line(fmt.Sprint("doc", i), 9)}})
		wrong("committing", err)
	}
	return e
}

// TestDamagedPages overwrites random bytes and pages of the file itself. Whatever then
// opens serves the truth or ErrDamaged, and where anything is missing the check says so.
// Another process examines the file: damage that makes a cycle of bbolt's pages, or a
// pointer out of its memory, can end the process, which is no wrong answer either.
func TestDamagedPages(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{noSync: true, tight: true})
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, pagesDocuments, 0, 2)
	earlier, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sample(t, s, pagesDocuments, 2, 3)
	truth := everything(s, pagesDocuments)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	refused, found, harmless, ended := 0, 0, 0, 0
	for round := range 150 {
		content, how := damage(random, round, whole, earlier)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		e, crash := examined(t, path)
		switch {
		case crash != "":
			t.Logf("%s: the process ended: %s", how, crash)
			ended++
			continue
		case e.Wrong != "":
			t.Fatalf("%s: %s", how, e.Wrong)
		case e.Refused != "":
			refused++
			continue
		}
		served(t, truth, e.Answers, how)
		switch {
		case e.Found != "":
			found++
		case fmt.Sprint(e.Answers) != fmt.Sprint(truth):
			t.Fatalf("%s: something is missing and the check finds nothing wrong", how)
		default:
			harmless++
		}
	}
	t.Logf("%d refused at opening, %d found by the check, %d harmless, %d ended the process", refused, found, harmless, ended)
	if found == 0 || ended > 10 {
		t.Fatal("too little was examined to say anything")
	}
}

// damage returns the file damaged in one place, and how.
func damage(random *rand.Rand, round int, whole, earlier []byte) (content []byte, how string) {
	page := os.Getpagesize()
	content = bytes.Clone(whole)
	at := 2*page + random.IntN(len(content)-3*page) // after the two meta pages, which bbolt checks
	switch round % 5 {
	case 0:
		how = "a bit flipped"
		content[at] ^= 1 << random.IntN(8)
	case 1:
		how = "random bytes"
		for i := range random.IntN(200) + 1 {
			content[at+i] = byte(random.Uint32())
		}
	case 2:
		how = "a page zeroed"
		clear(content[at/page*page:][:page])
	case 3:
		how = "a page in another's place"
		other := 2 + random.IntN(len(content)/page-3)
		copy(content[at/page*page:][:page], whole[other*page:][:page])
	case 4:
		how = "a page never written"
		at = 2*page + random.IntN(len(earlier)-3*page)
		copy(content[at/page*page:][:page], earlier[at/page*page:][:page])
	}
	return content, fmt.Sprintf("round %d, %s at %d", round, how, at)
}

// examined runs examine in another process. If that ends before its time, crash says why.
func examined(t *testing.T, path string) (e examination, crash string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), examinedVariable+"="+path, "GORACE=atexit_sleep_ms=0")
	var out, failure bytes.Buffer
	c.Stdout, c.Stderr = &out, &failure
	if err := c.Run(); err != nil {
		for text := range strings.Lines(failure.String()) {
			if strings.HasPrefix(text, "panic:") {
				t.Fatalf("a panic was not contained: %s", failure.String())
			}
			if strings.HasPrefix(text, "fatal error:") || strings.HasPrefix(text, "runtime:") {
				return e, strings.TrimSpace(text)
			}
		}
		t.Fatalf("the process failed: %v: %s", err, failure.String())
	}
	if err := json.Unmarshal(out.Bytes(), &e); err != nil {
		t.Fatalf("the process says %q: %v", out.String(), err)
	}
	return e, ""
}

// examineAndTell is the process that TestDamagedPages starts.
func examineAndTell(path string) error {
	debug.SetMaxStack(64 << 20)
	return json.NewEncoder(os.Stdout).Encode(examine(path))
}
