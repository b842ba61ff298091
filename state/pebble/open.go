package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Open opens the database in the folder dir, which it creates if need be. Only
// one worker at a time can have a folder open.
//
// The error is ErrLocked if another has, ErrUnreadable if the folder's contents
// cannot be used, fs.ErrPermission if it cannot be written, as errors.Is tells.
// The backend must be closed.
func Open(dir string, opts ...Option) (*Backend, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, fmt.Errorf("state/pebble: %w", err)
	}
	b, err := openFolder(dir, c)
	if err != nil {
		return nil, fmt.Errorf("state/pebble: open %q: %w", dir, err)
	}
	return b, nil
}

func openFolder(dir string, c config) (*Backend, error) {
	dir, err := prepareFolder(dir)
	if err != nil {
		return nil, err
	}
	return openIn(vfs.Default, dir, c)
}

// prepareFolder creates dir and returns its one true path, by which locking
// knows it within the process.
func prepareFolder(dir string) (string, error) {
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return "", errors.New("this is a file: name a folder")
	case err != nil:
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", fmt.Errorf("cannot create the folder: %w", err)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

func openIn(files vfs.FS, dir string, c config) (*Backend, error) {
	lock, err := pebble.LockDirectory(dir, files)
	if err != nil {
		return nil, lockError(err)
	}
	h := newHealth(c.logger)
	o := c.pebbleOptions(files, h.listener(), logger{c.logger})
	o.Lock = lock
	db, err := openDB(dir, o)
	if err != nil {
		return nil, errors.Join(openError(err), lock.Close())
	}
	return &Backend{db: db, lock: lock, gate: newGate(), health: h, maxBatchSize: c.maxBatchSize}, nil
}

func openDB(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case fatal:
			err = r
		default:
			panic(r)
		}
	}()
	return pebble.Open(dir, o)
}

// lockError explains a failure to lock. The file to lock could not be made, or
// it is locked.
func lockError(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return environmentError(err)
	}
	return fmt.Errorf("%w (%w)", ErrLocked, err)
}

// openError explains a failure to open: either the operating system refused
// something, or what it gave makes no sense. A missing file is of the latter
// kind, for the folder is there.
func openError(err error) error {
	errno := syscall.Errno(0)
	if errors.As(err, &errno) && !errors.Is(err, fs.ErrNotExist) && !pebble.IsCorruptionError(err) {
		return environmentError(err)
	}
	return fmt.Errorf("%w (%w)", ErrUnreadable, err)
}

func environmentError(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("the folder cannot be written: make it writable for this user or choose another: %w", err)
	}
	return err
}
