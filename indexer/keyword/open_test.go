package keyword

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/indextest"
)

// catalogTime is the instant of every view in these tests.
var catalogTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSecondOpener(t *testing.T) {
	dir, v, _ := filled(t)
	x := open(t, dir)
	defer x.Close()
	if second, err := Open(dir, catalog.ID{1}, indextest.Logger()); !errors.Is(err, ErrLocked) {
		second.Close()
		t.Fatalf("opening an index in use: %v", err)
	}
	if hits, err := find(x, v, "common"); err != nil || len(hits) != 1995 {
		t.Errorf("after a second opener, %d passages are found (%v)", len(hits), err)
	}
}

// TestKilled kills a process that applies batches, as soon as it has acknowledged some.
// Nothing acknowledged may be missing, and nothing may be half there.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	v, _ := shelf(t, 50*victimBatches)
	for _, acknowledged := range []int{1, 2, 5, 12, 20} {
		dir := t.TempDir()
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), victimDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, last := bufio.NewScanner(out), 0
		for last < acknowledged && lines.Scan() {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				last = n
			}
		}
		child.Process.Kill()
		child.Wait()
		x := open(t, dir)
		at := int(x.Revision())
		if hits, err := find(x, v, "common"); err != nil || at < acknowledged || last < acknowledged || len(hits) != 50*at {
			t.Errorf("killed after acknowledging revision %d: at revision %d with %d passages (%v)", last, at, len(hits), err)
		}
		x.Close()
	}
}

const (
	victimDir     = "MUNIMENT_TEST_KEYWORD_VICTIM"
	victimBatches = 100
)

// victim is the process that gets killed.
func victim(t *testing.T, dir string) {
	_, b := shelf(t, 50*victimBatches)
	x := open(t, dir)
	for i := range victimBatches {
		if err := x.Apply(t.Context(), indexer.Batch{Add: b.Add[i*50 : i*50+50], To: catalog.Revision(i + 1)}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(i + 1)
	}
	t.Log("survived")
}

// TestUnfinishedSegment opens an index beside which a segment was being written.
func TestUnfinishedSegment(t *testing.T) {
	dir, v, _ := filled(t)
	if err := os.WriteFile(filepath.Join(dir, "0000000fffff"+segmentSuffix), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir)
	defer x.Close()
	if hits, err := find(x, v, "common"); err != nil || len(hits) != 1995 || x.Revision() != 5 {
		t.Errorf("%d passages at revision %d (%v)", len(hits), x.Revision(), err)
	}
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	note := filepath.Join(dir, "note.txt")
	if err := os.WriteFile(note, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir)
	defer x.Close()
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(note); err != nil || string(b) != "mine" {
		t.Errorf("Reset touched a file that is not the index's: %q, %v", b, err)
	}
}

func TestClosed(t *testing.T) {
	v, b := shelf(t, 10)
	x := open(t, t.TempDir())
	if err := x.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if hits, err := r.Search(t.Context(), v, indexer.Query{Text: "common"}, 100); err != nil || len(hits) != 10 {
		t.Errorf("a reader of a closed index finds %d passages (%v)", len(hits), err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Search(t.Context(), v, indexer.Query{Text: "common"}, 100); !errors.Is(err, ErrClosed) {
		t.Errorf("searching a closed reader: %v", err)
	}
	if _, err := x.Reader(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("reading a closed index: %v", err)
	}
	if err := x.Apply(t.Context(), b); !errors.Is(err, ErrClosed) {
		t.Errorf("applying to a closed index: %v", err)
	}
}
