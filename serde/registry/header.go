package registry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/sr"
)

var errReadOnly = errors.New("the serde was made with ReadOnly and does not write")

// headerSize is that of the zero byte and the schema's number.
const headerSize = 5

// maxNesting is how deep a protobuf message may be nested in others.
const maxNesting = 64

// header returns the number of the schema, and what is behind it.
func header(data []byte) (id int, body []byte, err error) {
	if len(data) > 0 && data[0] != 0 {
		return 0, nil, ErrMagic
	}
	if len(data) < headerSize {
		return 0, nil, fmt.Errorf("%w: want %d bytes, got %d", ErrTruncated, headerSize, len(data))
	}
	return int(binary.BigEndian.Uint32(data[1:])), data[headerSize:], nil
}

// afterIndex checks which message of its file the data is, and returns what is behind
// that. In another version of the file the message may have another place.
func (s *registered[T]) afterIndex(body []byte, id int) ([]byte, error) {
	own := s.owns(id)
	if own {
		if rest, found := bytes.CutPrefix(body, s.header[headerSize:]); found {
			return rest, nil
		}
	}
	index, rest, err := (&sr.ConfluentHeader{}).DecodeIndex(body, maxNesting)
	if err != nil {
		return nil, fmt.Errorf("%w: the index of the message: %w", ErrTruncated, err)
	}
	if own && !slices.Equal(index, s.schema.Index) {
		return nil, fmt.Errorf("%w: message %v of the file, want %v", ErrMessage, index, s.schema.Index)
	}
	return rest, nil
}
