package keyword

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
)

// TestForeign opens a whole index for another catalog that is at the same revision.
func TestForeign(t *testing.T) {
	dir, v, b := filled(t)
	var log bytes.Buffer
	x, err := Open(dir, catalog.ID{2}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if x.Revision() != 0 || x.Discarded() == nil || !strings.Contains(log.String(), "another catalog") {
		t.Errorf("it is opened at revision %d; log: %s", x.Revision(), &log)
	}
	if hits, err := find(x, v, "common"); err != nil || len(hits) != 0 {
		t.Errorf("it finds %d passages of the other (%v)", len(hits), err)
	}
	b.To = 5
	if err := x.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir) // for the first catalog
	defer x.Close()
	if x.Revision() != 0 {
		t.Errorf("filled again for the other, it is opened at revision %d", x.Revision())
	}
}
