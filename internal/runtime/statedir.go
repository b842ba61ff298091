package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"uuid"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/state/pebble"
)

// maxSlots is how many workers of one application may share a state folder.
const maxSlots = 64

// stateDir is the local state of a worker: a folder that no other worker uses
// meanwhile, the id that it gives the worker, and the backend in it.
type stateDir struct {
	path string
	// instance is kept in the folder, so that a worker which begins again with
	// the same state also ends the transaction that it may have left open.
	instance string
	lock     *os.File
	backend  state.Backend
	mu       sync.Mutex
	spaces   *state.Directory
}

// openStateDir takes the first folder of the application that is free. Several
// workers on one machine so share a state folder without knowing of each other.
func openStateDir(c Config, application string, stateful bool) (*stateDir, error) {
	if c.InMemory {
		d := &stateDir{instance: uuid.New().String(), backend: memory.New()}
		var err error
		d.spaces, err = state.OpenDirectory(d.backend)
		return d, err
	}
	root := filepath.Join(c.StateDir, application)
	for slot := range maxSlots {
		path := filepath.Join(root, strconv.Itoa(slot))
		if err := os.MkdirAll(path, 0o750); err != nil {
			return nil, fmt.Errorf("state folder %s: %w: choose a folder that this user may write with StateDir", c.StateDir, err)
		}
		lock, err := lockFile(filepath.Join(path, "lock"))
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("state folder %s: %w: choose a folder that this user may write with StateDir", path, err)
		}
		d := &stateDir{path: path, lock: lock}
		if err := d.open(c, stateful); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		return d, nil
	}
	return nil, fmt.Errorf("state folder %s: all %d places are taken by other workers of this application: give this one another folder with StateDir", root, maxSlots)
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d *stateDir) open(c Config, stateful bool) error {
	path := filepath.Join(d.path, "instance")
	id, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		id = []byte(uuid.New().String())
		err = os.WriteFile(path, id, 0o640)
	}
	if err != nil {
		return fmt.Errorf("state folder %s: %w", d.path, err)
	}
	if _, err := uuid.Parse(string(id)); err != nil {
		return fmt.Errorf("state folder %s: the file \"instance\" is damaged: delete the folder, it is rebuilt from the changelogs", d.path)
	}
	d.instance = string(id)
	if !stateful {
		return nil
	}
	if d.backend, err = pebble.Open(filepath.Join(d.path, "pebble"), pebble.Logger(c.Logger)); err != nil {
		return err
	}
	d.spaces, err = state.OpenDirectory(d.backend)
	return err
}

// space gives one partition of a store its place. It is safe for concurrent use.
func (d *stateDir) space(store string, partition int32) (state.Space, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.spaces.Space(store, partition)
}

// close releases the folder.
func (d *stateDir) close() error {
	var errs []error
	if d.backend != nil {
		errs = append(errs, d.backend.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}
