package vector

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestDiscarded: whoever opened the index can say what was wrong with it; a log that ends
// within a batch is what a crash leaves, and no fault.
func TestDiscarded(t *testing.T) {
	log := newHistory(t).log(t)
	middle := bytes.Clone(log)
	middle[len(log)-20] ^= 1
	for name, c := range map[string]struct {
		log  []byte
		want bool
	}{
		"whole": {log, false}, "cut short": {log[:len(log)-5], false}, "none": {nil, false},
		"a bit flipped": {middle, true}, "another file": {[]byte("not a log at all"), true},
	} {
		dir := t.TempDir()
		if c.log != nil {
			if err := os.WriteFile(filepath.Join(dir, logName), c.log, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		x := open(t, dir)
		if got := x.Discarded(); (got != nil) != c.want {
			t.Errorf("%s: discarded for %v", name, got)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir)
		if got := x.Discarded(); got != nil {
			t.Errorf("%s, opened again: discarded for %v", name, got)
		}
		x.Close()
	}
}

// TestContentsOfDamage: a vector that changed on disk ends the reading, and the index.
func TestContentsOfDamage(t *testing.T) {
	h, dir := newHistory(t), t.TempDir()
	x := open(t, dir)
	defer x.Close()
	apply(t, x, h.batches...)
	path := filepath.Join(dir, logName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 0x40
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := x.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var found error
	for _, err := range r.Contents(t.Context()) {
		found = err
	}
	if !errors.Is(found, ErrDamaged) || x.Revision() != 0 {
		t.Errorf("%v, at revision %d", found, x.Revision())
	}
}
