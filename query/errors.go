package query

import (
	"errors"
	"fmt"
)

// Errors of queries. The first three pass: ask again a little later.
var (
	// ErrRestoring says that the store is being built up from its changelog.
	ErrRestoring = errors.New("the store is being restored: ask again when its task runs")
	// ErrRebalancing says that the group is dividing its tasks anew.
	ErrRebalancing = errors.New("the group is rebalancing: ask again")
	// ErrBehind says that the task had not come to the position asked for in time.
	ErrBehind = errors.New("the task has not processed up to the position asked for: ask again, or wait longer")
	// ErrStopped says that the worker has stopped or not begun.
	ErrStopped = errors.New("the worker does not run")
	// ErrNoLetter says that a dead letter does not wait: it is not there, or somebody has
	// dealt with it.
	ErrNoLetter = errors.New("no such dead letter waits")
	// ErrNoSaga says that an orchestrator knows no saga of this id, or has forgotten it.
	ErrNoSaga = errors.New("there is no such saga")
	// ErrRefused says that a saga is not in a state in which the request makes sense: look
	// at it again.
	ErrRefused = errors.New("it is not possible now")
	// ErrNoStore says that the topology has no store of this name that can be read.
	ErrNoStore = errors.New("no such store")
)

// ElsewhereError says that the task which has the answer runs in another worker.
type ElsewhereError struct {
	Store     string
	Partition int32
	// Address is the admin address of that worker, empty if it has none or is unknown.
	Address string
	// Standbys are those of the workers that keep a standby of the task.
	Standbys []string
}

func (e *ElsewhereError) Error() string {
	if e.Address == "" {
		return fmt.Sprintf("query: partition %d of store %q is another worker's, which advertises no admin address", e.Partition, e.Store)
	}
	return fmt.Sprintf("query: partition %d of store %q is the worker's at %s: ask there", e.Partition, e.Store, e.Address)
}
