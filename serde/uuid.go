package serde

import (
	"errors"
	"uuid"
)

// UUID returns the Serde of Kafka's UUIDSerializer: the text of 36 characters,
// such as f81d4fae-7dec-11d0-a765-00a0c91e6bf6. It writes lower case and reads
// either case; the other forms that uuid.Parse knows are errors.
func UUID() Serde[uuid.UUID] { return uuidText{} }

const uuidLength = 36

var errUUID = errors.New("36 bytes that are no UUID: want hexadecimal digits in groups of 8, 4, 4, 4 and 12")

type uuidText struct{}

func (uuidText) Append(dst []byte, v uuid.UUID) ([]byte, error) { return v.AppendText(dst) }

func (uuidText) Decode(data []byte) (uuid.UUID, error) {
	if len(data) != uuidLength {
		return uuid.UUID{}, wrongLength("a UUID", uuidLength, len(data))
	}
	var v uuid.UUID
	// The cause would quote the data, and says no more than this does.
	if v.UnmarshalText(data) != nil {
		return uuid.UUID{}, errUUID
	}
	return v, nil
}
