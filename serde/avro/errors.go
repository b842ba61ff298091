package avro

import (
	"errors"
	"fmt"
)

// ErrTruncated is what errors wrap if data ends before the value does: the record
// is damaged, or was written with another schema.
var ErrTruncated = errors.New("the data ends before the value does")

// ErrTrailing is what errors wrap if there is data behind the value: it was
// probably written with another schema.
var ErrTrailing = errors.New("there is data behind the value")

// maxMessage bounds how much text of an error from below gets into ours.
const maxMessage = 300

// shortened cuts an error's text, which may quote the data, and keeps the error.
type shortened struct{ err error }

func (s shortened) Error() string {
	text := s.err.Error()
	if len(text) > maxMessage {
		return fmt.Sprintf("%.*s...", maxMessage, text)
	}
	return text
}

func (s shortened) Unwrap() error { return s.err }

func trailing(rest []byte) error {
	return fmt.Errorf("decode Avro: %w: %d bytes", ErrTrailing, len(rest))
}
