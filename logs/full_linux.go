package logs

import "golang.org/x/sys/unix"

// full says that no block is left.
func full(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Bfree == 0
}
