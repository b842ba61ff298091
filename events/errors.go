package events

import (
	"errors"
	"fmt"
)

var (
	// ErrUndecodable says that bytes are no event in any of the wire formats, or that
	// a payload is not of the type that a handler takes.
	ErrUndecodable = errors.New("undecodable event")
	// ErrUnknown says that nobody handles events of this type: add a handler, or have
	// the subscription ignore them.
	ErrUnknown = errors.New("unknown event type")
	// ErrRejected is for translations of Adopt to wrap, when the input is well-formed but
	// none of the domain's business.
	ErrRejected = errors.New("rejected")
)

// InvalidError says what is wrong with an event that could be decoded.
type InvalidError struct {
	// Field is the field of the envelope.
	Field, Reason string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("invalid event: %s: %s", e.Field, e.Reason) }
