//go:build darwin || linux

package bolt

import "syscall"

// freeBytes is what an ordinary process may still write to the file system of the folder.
func freeBytes(folder string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
