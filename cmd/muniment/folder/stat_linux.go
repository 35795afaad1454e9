package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// changedAt is when the content, the name or the permissions of a file last changed: a
// copy or an unpacked archive may bring an old time of content, and never one of those.
func changedAt(info fs.FileInfo) time.Time {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return latest(info.ModTime(), time.Unix(s.Ctim.Unix()))
	}
	return info.ModTime()
}

// fileNumber tells one file of a file system from another.
func fileNumber(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// readACL is the access control list of an open file or directory, or what its mode says
// if it has none.
func readACL(f *os.File) (fileACL, error) {
	info, err := f.Stat()
	if err != nil {
		return fileACL{}, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileACL{}, errors.New("the file system tells no owner")
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return fileACL{}, err
	}
	value := make([]byte, 64<<10) // the most that an attribute can have
	var n int
	var failed error
	if err := raw.Control(func(fd uintptr) { n, failed = unix.Fgetxattr(int(fd), "system.posix_acl_access", value) }); err != nil {
		return fileACL{}, err
	}
	switch {
	case errors.Is(failed, unix.ENODATA), errors.Is(failed, unix.ENOTSUP):
		return aclOfMode(s.Uid, s.Gid, uint16(s.Mode)), nil
	case failed != nil:
		return fileACL{}, fmt.Errorf("reading the access control list: %w", failed)
	}
	return parseACL(s.Uid, s.Gid, value[:n])
}
