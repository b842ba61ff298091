//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package embedded

import "os"

// lockFile takes no lock: the standard library has none for this system. Here
// the user sees to it that one broker at a time uses a folder.
func lockFile(*os.File) error { return nil }
