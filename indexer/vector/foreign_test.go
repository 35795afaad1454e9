package vector

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
)

// TestForeign opens a whole log for another catalog that is at the same revision.
func TestForeign(t *testing.T) {
	h := newHistory(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, logName), h.log(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	x, err := Open(dir, catalog.ID{2}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if x.Revision() != 0 || x.Discarded() == nil || !strings.Contains(log.String(), "another catalog") {
		t.Errorf("it is opened at revision %d; log: %s", x.Revision(), &log)
	}
	if hits := h.ask(t, x); len(hits) != 0 {
		t.Errorf("it finds %d passages of the other", len(hits))
	}
	apply(t, x, h.batches...)
	if err := x.Compact(t.Context()); err != nil { // a new file, of the same catalog
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[catalog.ID]catalog.Revision{{2}: 4, {1}: 0} {
		whole := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(whole, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		x, err := Open(whole, id, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if x.Revision() != want {
			t.Errorf("filled for catalog 2, it is opened for %v at revision %d, want %d", id, x.Revision(), want)
		}
		x.Close()
	}
}
