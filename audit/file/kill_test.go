//go:build unix

package file_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/internal/prove"
)

// TestKilled kills a process that appends, again and again on one directory, and requires every
// record that the process said was durable.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("AUDIT_KILL_DIR"); dir != "" {
		appendUntilKilled(t, dir)
		return
	}
	rounds := prove.Count(20, 100)
	if testing.Short() && !prove.Long() {
		rounds = 5
	}
	private, public, err := note.GenerateKey(nil, audittest.Origin)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "audit")
	acknowledged := map[string]string{} // id by index
	for round := range rounds {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "AUDIT_KILL_DIR="+dir, "AUDIT_KILL_KEY="+private, "AUDIT_KILL_VKEY="+public, fmt.Sprintf("AUDIT_KILL_ROUND=%d", round))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, after := bufio.NewScanner(out), 1+rand.IntN(300)
		for n := 0; lines.Scan(); n++ {
			if index, id, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "ack "), " "); ok && strings.HasPrefix(lines.Text(), "ack ") {
				acknowledged[index] = id
			} else {
				t.Error(lines.Text())
			}
			if n == after {
				child.Process.Kill()
			}
		}
		child.Wait()
	}
	answered := len(acknowledged)
	if answered < rounds {
		t.Fatalf("%d records acknowledged", len(acknowledged))
	}
	s := openFile(t, dir)
	l := audittest.Open(t, s, config(t, private, verifier))
	for item, err := range l.Records(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		index := fmt.Sprint(item.Index)
		if id, ok := acknowledged[index]; ok && id != item.Record.ID {
			t.Fatalf("record %s is %s, acknowledged was %s", index, item.Record.ID, id)
		}
		delete(acknowledged, index)
	}
	if len(acknowledged) > 0 {
		t.Fatalf("%d acknowledged records are lost", len(acknowledged))
	}
	audittest.Close(t, l)
	audittest.Verify(t, s, config(t, private, verifier), nil)
	prove.Report(t, "answers have their records", "%d records that were acknowledged by a process before it was killed, %d times, 0 lost", answered, rounds)
}

func config(t testing.TB, private string, verifier note.Verifier) audit.Config {
	t.Helper()
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Config{Origin: audittest.Origin, Signer: signer, Verifier: verifier}
}

// appendUntilKilled runs in the child. It says what is durable, one record a line.
func appendUntilKilled(t *testing.T, dir string) {
	verifier, err := note.NewVerifier(os.Getenv("AUDIT_KILL_VKEY"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := audittest.Open(t, s, config(t, os.Getenv("AUDIT_KILL_KEY"), verifier))
	var wg sync.WaitGroup
	var out sync.Mutex
	for w := range 3 {
		wg.Go(func() {
			for n := 0; ; n++ {
				r := audittest.Record(n)
				r.ID = fmt.Sprintf("%s/%d/%d", os.Getenv("AUDIT_KILL_ROUND"), w, n)
				e, err := l.Append(ctx, r)
				if err != nil {
					t.Error(err)
					return
				}
				out.Lock()
				fmt.Printf("ack %d %s\n", e.Index, r.ID)
				out.Unlock()
			}
		})
	}
	time.AfterFunc(time.Minute, func() { os.Exit(1) }) // should the parent be gone
	wg.Wait()
}
