package sagas

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// classified is an error with its class.
type classified struct {
	outcome Outcome
	err     error
}

func (c *classified) Error() string { return c.err.Error() }
func (c *classified) Unwrap() error { return c.err }

// Business marks an error that no repetition mends, such as a refused order: nothing
// was done, and the saga is compensated.
func Business(err error) error { return &classified{Failed, err} }

// InDoubt marks an error that leaves open whether something was done. The step is
// tried again with the same key, and compensated if the saga turns back.
func InDoubt(err error) error { return &classified{Unknown, err} }

// outcomeOf is the class of an error: what nobody has marked is transient, except
// that a call which was cut off, or has panicked, may have done anything.
func outcomeOf(err error) Outcome {
	var c *classified
	var p *PanicError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &c):
		return c.outcome
	case errors.As(err, &p), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unknown
	}
	return Transient
}

// PanicError is a panic of a user's function, as an error like any other.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// guard makes an error of a panic.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}
