package registry

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/twmb/franz-go/pkg/sr"
)

var (
	// ErrMagic is what errors wrap if data does not begin with a zero byte: it was
	// not written by way of a schema registry. Read it with the plain serde.
	ErrMagic = errors.New("the data does not begin with the byte 0 of a schema registry's format")
	// ErrTruncated is what errors wrap if data ends inside of its header.
	ErrTruncated = errors.New("the data ends before its header does")
	// ErrUnknownID is what errors wrap if the registry does not have the schema of
	// the data: it stems from another registry, or is damaged.
	ErrUnknownID = errors.New("the registry has no schema of this number")
	// ErrIncompatible is what errors wrap if a schema does not go with those of its
	// subject, or cannot read what was written. Change the schema or the subject's
	// compatibility.
	ErrIncompatible = errors.New("the schema is not compatible")
	// ErrNotRegistered is what errors wrap if the registry lacks a schema that must
	// not be registered here. Register it, or leave out Lookup.
	ErrNotRegistered = errors.New("the schema is not registered")
	// ErrUnavailable is what errors wrap if the registry did not answer. Try again.
	ErrUnavailable = errors.New("the schema registry did not answer")
	// ErrRefused is what errors wrap if the registry refuses the client. Look at its
	// credentials and rights.
	ErrRefused = errors.New("the schema registry refuses the client")
	// ErrMessage is what errors wrap if data holds another protobuf message of the
	// schema than the one that is read.
	ErrMessage = errors.New("the data is another message of its schema")
	// ErrUnbound is what errors wrap if a value is to be written by a serde that was
	// not bound to a topic.
	ErrUnbound = errors.New("the serde has to be bound to a topic, by ForTopic, before it writes")
)

// failed says what an error of the client means.
func failed(err error) error {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	switch {
	case err == nil:
		return nil
	case !ok && isOutage(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !ok:
		return err
	case answer.ErrorCode == sr.ErrIncompatibleSchema.Code, answer.StatusCode == sr.ErrIncompatibleSchema.Code:
		return fmt.Errorf("%w: %w", ErrIncompatible, err)
	case answer.StatusCode == 401, answer.StatusCode == 403:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case answer.StatusCode == 429, answer.StatusCode >= 500:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// isOutage says whether an error stems from the connection or from waiting.
func isOutage(err error) bool {
	_, connection := errors.AsType[*url.Error](err)
	return connection || errors.Is(err, context.DeadlineExceeded)
}

// missing says whether the registry has no subject, version or schema as asked for.
func missing(err error) bool {
	answer, ok := errors.AsType[*sr.ResponseError](err)
	return ok && answer.StatusCode == 404
}
