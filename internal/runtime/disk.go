package runtime

import (
	"syscall"

	"github.com/tidemill/tidemill/status"
)

// diskOf is the file system that a folder is on; zero if that cannot be told. Its total is
// what is used and what this process may still use, as df reckons: blocks that are reserved,
// or beyond a quota, count for nothing.
func diskOf(path string) status.Disk {
	var fs syscall.Statfs_t
	if path == "" || syscall.Statfs(path, &fs) != nil {
		return status.Disk{}
	}
	size := uint64(fs.Bsize)
	return status.Disk{Path: path, Total: (fs.Blocks - fs.Bfree + fs.Bavail) * size, Free: fs.Bavail * size}
}
