package serde

import (
	"encoding/binary"
	"errors"
	"time"
)

// Time returns the Serde that writes a time as Kafka writes timestamps: an int64
// of milliseconds since the Unix epoch, 8 bytes, big-endian. What is finer than
// a millisecond is lost (rounded towards the past), and so are the time zone and
// the monotonic reading: decoding gives UTC. Encoding a time more than 292 million
// years away from 1970 is an error.
func Time() Serde[time.Time] { return millis{} }

var errTime = errors.New("the time is too far away from 1970 to be counted in milliseconds")

type millis struct{}

func (millis) Append(dst []byte, v time.Time) ([]byte, error) {
	ms := v.UnixMilli()
	if time.UnixMilli(ms).Unix() != v.Unix() { // ms has overflowed
		return dst, errTime
	}
	return binary.BigEndian.AppendUint64(dst, uint64(ms)), nil
}

func (millis) Decode(data []byte) (time.Time, error) {
	if len(data) != 8 {
		return time.Time{}, wrongLength("time.Time", 8, len(data))
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(data))).UTC(), nil
}
