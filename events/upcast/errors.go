package upcast

import (
	"errors"
	"fmt"
)

var (
	// ErrNewer says that a payload is of a later version than the chains know:
	// roll out the readers before the writers.
	ErrNewer = errors.New("the version is newer than this program knows")
	// ErrVersion says that a payload is of a version that no chain begins with: add
	// the missing steps.
	ErrVersion = errors.New("no chain begins with this version")
	// ErrPayload says that a payload is no JSON object, so that it has no fields.
	ErrPayload = errors.New("the payload is no JSON object")
)

// Error says which payload could not be brought to the newest version.
type Error struct {
	Type    string
	Version int
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("upcast %q from version %d: %v", e.Type, e.Version, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
