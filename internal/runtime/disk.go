package runtime

import (
	"syscall"

	"github.com/tidemill/tidemill/status"
)

// diskOf is the file system that a folder is on; zero if that cannot be told.
func diskOf(path string) status.Disk {
	var fs syscall.Statfs_t
	if path == "" || syscall.Statfs(path, &fs) != nil {
		return status.Disk{}
	}
	size := uint64(fs.Bsize)
	return status.Disk{Path: path, Total: fs.Blocks * size, Free: fs.Bavail * size}
}
