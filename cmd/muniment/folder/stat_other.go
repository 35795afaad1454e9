//go:build !linux

package folder

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// changedAt is when the content of a file last changed.
func changedAt(info fs.FileInfo) time.Time { return info.ModTime() }

// fileNumber tells one file of a file system from another, where the system says it.
func fileNumber(fs.FileInfo) uint64 { return 0 }

func readACL(*os.File) (fileACL, error) {
	return fileACL{}, errors.New("the permissions of this system cannot be read")
}
