//go:build !(darwin || linux)

package main

import (
	"errors"
	"fmt"
	"os"
)

// freeBytes cannot tell here.
func freeBytes(dir string) (int64, error) {
	return 0, fmt.Errorf("asking how much of the disk is free below %s: %w", dir, errors.ErrUnsupported)
}

// lockFolder refuses: nothing would keep another process out.
func lockFolder(dir string) (*os.File, error) {
	return nil, fmt.Errorf("locking %s: %w", dir, errors.ErrUnsupported)
}
