package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/muniment/muniment/api/identity"
)

// copyKeys copies a key ring.
func copyKeys(from, to string) error {
	if _, err := identity.ReadKeyRing(from); err != nil {
		return usagef("--keys: %w", err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		if !keyFile.MatchString("keys/" + e.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = writeSynced(filepath.Join(to, e.Name()), content)
		}
		if err != nil {
			return fmt.Errorf("copying the keys: %w", err)
		}
	}
	return syncFolder(to)
}

// into calls fill with a directory beside dir and gives it dir's name once that is done. dir
// must be empty or not there. What was interrupted before is removed first.
func (r *restorer) into(dir string, fill func(dir string) error) (err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usagef("%s is not empty: restore into a directory that is, and move it into place", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return usageError{err}
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	unfinished := dir + ".restoring"
	if err := os.Mkdir(unfinished, 0o700); errors.Is(err, os.ErrExist) {
		held, err := lockFolder(unfinished)
		if err != nil {
			return usagef("%s: another process restores there, or it cannot be used: %w", unfinished, err)
		}
		if err := errors.Join(os.RemoveAll(unfinished), held.Close(), os.Mkdir(unfinished, 0o700)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	held, err := lockFolder(unfinished)
	if err != nil {
		return err
	}
	defer held.Close()
	if err := fill(unfinished); err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := syncFolder(unfinished); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return err
	}
	return syncFolder(parent)
}
