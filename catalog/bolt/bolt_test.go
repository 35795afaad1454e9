package bolt

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
)

// checked is a store that checks its own file before it is closed.
type checked struct {
	*Store
	t testing.TB
}

func (c checked) Close() error {
	c.Store.mu.Lock()
	closed := c.Store.closed
	c.Store.mu.Unlock()
	if !closed {
		if err := c.Check(context.Background(), nil); err != nil {
			c.t.Errorf("before closing: %v", err)
		}
	}
	return c.Store.Close()
}

func TestStore(t *testing.T) {
	path := file(t) // copied for each case: making one waits for the disk
	open(t, path, Options{})
	empty, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"keeping history": {noSync: true},
		"pruning at once": {noSync: true, Retention: 1},
		"pruning soon":    {noSync: true, Retention: 3},
	} {
		t.Run(name, func(t *testing.T) {
			catalogtest.Run(t, 100, func(t testing.TB) catalogtest.Opener {
				path := filepath.Join(t.TempDir(), "catalog.db")
				if err := os.WriteFile(path, empty, 0o600); err != nil {
					t.Fatal(err)
				}
				return func() (catalog.Store, error) {
					s, err := Open(path, o)
					return checked{s, t}, err
				}
			})
		})
	}
}
