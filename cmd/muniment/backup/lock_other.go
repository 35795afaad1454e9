//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package backup

import (
	"errors"
	"fmt"
	"os"
)

// lock refuses to write: a backup could lose chunks to another that prunes, and here nothing
// keeps the second one out.
func lock(path string, exclusive bool) (*os.File, error) {
	if !exclusive {
		return nil, nil
	}
	return nil, fmt.Errorf("locking %s: %w", path, errors.ErrUnsupported)
}
