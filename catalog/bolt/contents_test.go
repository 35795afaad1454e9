package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/muniment/muniment/catalog"
)

// walk lists what everyone may read in a snapshot, in order.
func walk(t *testing.T, n catalog.Snapshot) (list []string) {
	t.Helper()
	for c, err := range n.Contents(t.Context(), view(t, n)) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range c.Passages {
			list = append(list, fmt.Sprintf("%s@%d: %s", c.Document.ID, c.Document.Version, p.Text))
		}
	}
	slices.Sort(list)
	return list
}

// TestContentsOfManyPages has more changes than one transaction reads, and in between some
// that come after the snapshot, some that a later one has taken back, and deletions.
func TestContentsOfManyPages(t *testing.T) {
	s := open(t, file(t), Options{noSync: true})
	const n = 3 * entriesPerPage
	var want []string
	for i := range n {
		commit(t, s, line(fmt.Sprintf("d%04d", i), 1))
	}
	for i := range n {
		name, version := fmt.Sprintf("d%04d", i), 1
		switch i % 3 {
		case 1:
			version = 2
			commit(t, s, line(name, 2))
		case 2:
			commit(t, s, catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: name}, Version: 1})
			continue
		}
		for _, text := range []string{fmt.Sprintf("%s in version %d", name, version), "second"} {
			want = append(want, fmt.Sprintf("%s@%d: %s", name, version, text))
		}
	}
	pinned := pin(t, s, 0)
	for i := range n {
		commit(t, s, line(fmt.Sprintf("d%04d", i), 3))
	}
	if got := walk(t, pinned); !slices.Equal(got, want) {
		t.Fatalf("%d passages, want %d; the first %q and %q", len(got), len(want), got[:3], want[:3])
	}
	read := 0
	for range pinned.Contents(t.Context(), view(t, pinned)) {
		if read++; read == 5 {
			break
		}
	}
	v := view(t, pinned)
	if err := pinned.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range pinned.Contents(t.Context(), v) {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("of a closed snapshot: %v", err)
		}
	}
}
