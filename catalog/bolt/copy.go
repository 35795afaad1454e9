package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/muniment/muniment/catalog"
)

// Copy writes the catalog as it is at this moment to a new file, and returns the revision
// it holds. Reads and commits go on meanwhile. The copy and its name are on disk when Copy
// returns; after an error no file is left.
//
// It is the one read that keeps a transaction open for long: pages that commits free are
// not used again until it ends, so the catalog's file may grow by what is written meanwhile.
func (s *Store) Copy(ctx context.Context, path string) (at catalog.Revision, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("copying the catalog: %w", err)
	}
	err = s.read(ctx, func(tx *bbolt.Tx) error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		at = st.Head
		_, err = tx.WriteTo(cancelled{f, ctx})
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return 0, fmt.Errorf("copying the catalog: %w", errors.Join(err, os.Remove(path)))
	}
	return at, nil
}

// cancelled writes until its context ends.
type cancelled struct {
	io.Writer
	ctx context.Context
}

func (w cancelled) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Writer.Write(b)
}
