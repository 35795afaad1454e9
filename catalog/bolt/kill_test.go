package bolt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
)

// killedVariable holds the file that the process to be killed commits to.
const killedVariable = "MUNIMENT_TEST_CATALOG_TO_KILL"

// TestMain is also the process that TestKilled kills, and the one that TestDamagedPages
// has examine files.
func TestMain(m *testing.M) {
	if os.Getenv(examinerVariable) != "" {
		if err := examineAll(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(killedVariable); path != "" {
		if err := commitForEver(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// commitForEver commits pairs of documents and says so after each commit.
func commitForEver(path string) error {
	s, err := Open(path, Options{Retention: 3})
	if err != nil {
		return err
	}
	fmt.Println("open")
	for i := int64(s.current.head) + 1; ; i++ {
		ms := []catalog.Mutation{line("left", i), line("right", i)}
		done, err := s.Commit(context.Background(), catalog.Commit{Mutations: ms, At: time.Unix(i, 0),
			Record: func(at catalog.Revision, i int, _ catalog.Outcome) [][]byte {
				return [][]byte{fmt.Append(nil, at, " ", i)}
			}})
		if err != nil {
			return err
		}
		fmt.Println("committed", done.Revision)
	}
}

// TestKilled kills a process that commits, again and again on one file, and expects every
// commit that it acknowledged, and none by half.
func TestKilled(t *testing.T) {
	path := file(t)
	last := catalog.Revision(0)
	for round := 0; round < 12 || last == 0 && round < 100; round++ { // a busy disk may take long for a commit
		last = max(last, killed(t, path))
		s, err := Open(path, Options{Retention: 3})
		if err != nil {
			t.Fatal(err)
		}
		n := pin(t, s, 0)
		if n.Revision() < last || n.Revision() > last+1 {
			t.Fatalf("round %d: at revision %d, acknowledged was %d", round, n.Revision(), last)
		}
		last = n.Revision()
		pair := []catalog.DocumentID{{Source: "handbook", ID: "left"}, {Source: "handbook", ID: "right"}}
		d, err := n.Documents(t.Context(), view(t, n), pair)
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 && (len(d) != 2 || d[0].Version != int64(last) || d[1].Version != int64(last)) {
			t.Fatalf("round %d: half a commit at revision %d: %+v", round, last, d)
		}
		records := uint64(0)
		for r, err := range s.Outbox().Pending(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			records++
			if want := fmt.Sprint((r.Sequence+1)/2, " ", (r.Sequence-1)%2); r.Sequence != records || string(r.Body) != want {
				t.Fatalf("round %d: record %d is %q, want %q", round, r.Sequence, r.Body, want)
			}
		}
		if records != 2*uint64(last) {
			t.Fatalf("round %d: %d audit records at revision %d", round, records, last)
		}
		if err := (checked{s, t}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if last == 0 {
		t.Fatal("nothing was ever committed")
	}
}

// killed runs the process, kills it at a random moment and returns what it acknowledged.
func killed(t *testing.T, path string) (last catalog.Revision) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), killedVariable+"="+path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	soon := time.Duration(rand.IntN(60)) * time.Millisecond
	kill := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
	defer kill.Stop()
	if rand.IntN(4) == 0 {
		kill.Reset(soon) // while it opens the file, most likely
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "open" {
			kill.Reset(soon) // a busy machine takes long to get there
			continue
		}
		if _, err := fmt.Sscanf(lines.Text(), "committed %d", &last); err != nil && !strings.HasPrefix("committed ", lines.Text()) {
			t.Fatalf("the process says %q", lines.Text())
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the process was not killed: %v", err)
	}
	return last
}
