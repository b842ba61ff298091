package request

import (
	"errors"
	"fmt"
)

var (
	// ErrTimeout says that no reply came in time. The request may have been handled, or
	// may be yet: one that is sent again with the same ID is not handled twice.
	ErrTimeout = errors.New("no reply in time")
	// ErrClosed says that the client was closed before the reply came.
	ErrClosed = errors.New("the client is closed")
)

// ReplyError is a reply that says error: the request was handled, and this is what came
// of it.
type ReplyError struct{ Message string }

func (e *ReplyError) Error() string { return fmt.Sprintf("the reply is an error: %s", e.Message) }
