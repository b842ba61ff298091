package embedded

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockFolder creates dir if it is missing and takes its lock, which the
// operating system releases with the file or the process.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded: folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "embedded.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("embedded: folder: %w", err)
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("embedded: folder %q is in use by another broker (%w); stop it or choose another folder", dir, err)
	}
	return f, nil
}
