//go:build darwin || linux

package main

import (
	"fmt"
	"os"
	"syscall"
)

// freeBytes is how much can still be written where the directory lies.
func freeBytes(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("asking how much of the disk is free: %w", err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// lockFolder takes the lock of a directory, which the kernel releases with the process.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
