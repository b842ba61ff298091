package connectors

import (
	"errors"
	"fmt"
)

// ErrMoved is the error of a write that finds another position in the target than the
// one written last: another writer came in between, or the data was lost. The task is
// opened anew, which reads the position again.
var ErrMoved = errors.New("the position in the target is not the one that was written last")

// ErrLost is the error of a start that finds less in the target than was committed: it
// was emptied or restored from an old backup, or the sink is new. Restore the target, or
// say with OnLoss what is to be done.
var ErrLost = errors.New("the target holds less than was committed")

// ErrAhead is the error of a start that finds more in the target than the topic has: the
// topic was deleted and made anew, or has lost records. The records up to there would be
// taken for written. Give the sink another name, or choose OnLoss(Accept).
var ErrAhead = errors.New("the target is ahead of the topic")

// Unavailable marks an error that passes, such as that of a target which does not
// answer: the same is tried again.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &UnavailableError{Err: err}
}

// UnavailableError is what Unavailable makes of an error.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return e.Err.Error() }
func (e *UnavailableError) Unwrap() error { return e.Err }

// TargetError is the error of a target that no record is to blame for, so that no error
// policy applies to it.
type TargetError struct {
	Sink string
	Err  error
}

func (e *TargetError) Error() string { return fmt.Sprintf("sink %q: %v", e.Sink, e.Err) }
func (e *TargetError) Unwrap() error { return e.Err }

// Passes says whether beginning anew from what is committed may help.
func (e *TargetError) Passes() bool {
	var unavailable *UnavailableError
	return errors.As(e.Err, &unavailable) || errors.Is(e.Err, ErrMoved)
}
