//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package file

import (
	"errors"
	"fmt"
	"os"
)

// lock refuses: two writers would fork the log, and here nothing keeps the second one out.
func lock(path string) (*os.File, error) {
	return nil, fmt.Errorf("locking %s: %w", path, errors.ErrUnsupported)
}
