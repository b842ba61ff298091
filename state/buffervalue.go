package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/tidemill/tidemill/record"
)

// origin is where and when a buffered record came from, so that it can go on later
// as if it had just come.
type origin struct {
	record.Metadata
	Timestamp int64
	Headers   record.Headers
}

// bufferValue is what the changelogs of buffers hold of a record: its value, what
// the key had before, and the record's origin. A nil value is null. These are the
// bytes of Kafka Streams' BufferValue and ProcessorRecordContext.
type bufferValue struct {
	origin
	// Prior is what the key had when the first record of it was buffered, Old what it
	// had before this one.
	Prior, Old, New []byte
}

// The lengths that stand for something else.
const (
	nullLength = -1
	// asPrior is the length of an old value that equals the prior one.
	asPrior = -2
)

// append appends the encoding of v:
//
//	timestamp i64 | offset i64 | topic | partition i32 | headers i32 | key | value | ...
//	prior | old | new
//
// where each text, key and value is its length, i32, and its bytes.
func (v *bufferValue) append(dst []byte) []byte {
	dst = v.origin.append(dst)
	dst = appendBlock(dst, v.Prior)
	if v.Old != nil && v.Prior != nil && string(v.Old) == string(v.Prior) {
		dst = appendLength(dst, asPrior)
	} else {
		dst = appendBlock(dst, v.Old)
	}
	return appendBlock(dst, v.New)
}

func (o *origin) append(dst []byte) []byte {
	dst = appendTimestamp(dst, o.Timestamp)
	dst = appendTimestamp(dst, o.Offset)
	dst = append(appendLength(dst, len(o.Topic)), o.Topic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(o.Partition))
	return appendHeaders(dst, o.Headers)
}

func appendHeaders(dst []byte, headers record.Headers) []byte {
	dst = appendLength(dst, len(headers))
	for _, h := range headers {
		dst = append(appendLength(dst, len(h.Key)), h.Key...)
		dst = appendBlock(dst, h.Value)
	}
	return dst
}

func appendLength(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(int32(n)))
}

// appendBlock appends bytes behind their length, or the length of null.
func appendBlock(dst, block []byte) []byte {
	if block == nil {
		return appendLength(dst, nullLength)
	}
	return append(appendLength(dst, len(block)), block...)
}

// decodeBufferValue decodes what append made. The result shares the memory of data;
// rest is what is behind it.
func decodeBufferValue(data []byte) (v bufferValue, rest []byte, err error) {
	d := blocks{rest: data}
	v.Timestamp, v.Offset = d.long(), d.long()
	v.Topic = string(d.text())
	v.Partition = int32(d.length())
	v.Headers = d.headers()
	v.Prior = d.block(d.length())
	if n := d.length(); n == asPrior {
		v.Old = v.Prior
	} else {
		v.Old = d.block(n)
	}
	v.New = d.block(d.length())
	if d.err != nil {
		return bufferValue{}, nil, fmt.Errorf("a buffered record of %d bytes is damaged: %w", len(data), d.err)
	}
	return v, d.rest, nil
}

// blocks reads numbers and blocks one by one. After an error all that it reads is
// zero.
type blocks struct {
	rest []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (d *blocks) take(n int) []byte {
	if d.err != nil || n > len(d.rest) {
		d.fail(errShort)
		return nil
	}
	taken := d.rest[:n:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *blocks) fail(err error) {
	if d.err == nil {
		d.err, d.rest = err, nil
	}
}

func (d *blocks) long() int64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

func (d *blocks) length() int {
	b := d.take(4)
	if b == nil {
		return 0
	}
	return int(int32(binary.BigEndian.Uint32(b)))
}

// block is a block of a length that was read before.
func (d *blocks) block(n int) []byte {
	if n == nullLength || d.err != nil {
		return nil
	}
	if n < 0 {
		d.fail(fmt.Errorf("it has a block of %d bytes", n))
		return nil
	}
	return d.take(n)
}

// text is a block that must not be null.
func (d *blocks) text() []byte {
	n := d.length()
	if n == nullLength {
		d.fail(errors.New("a name in it is null"))
	}
	return d.block(n)
}

// headers are counted; null, which old versions of Kafka Streams wrote, is none.
func (d *blocks) headers() record.Headers {
	n := d.length()
	// A header takes eight bytes at least, so that a damaged count costs nothing.
	if n < nullLength || n > min(len(d.rest)/8, math.MaxInt32) {
		d.fail(fmt.Errorf("it has %d headers", n))
	}
	if n <= 0 || d.err != nil {
		return nil
	}
	headers := make(record.Headers, n)
	for i := range headers {
		headers[i] = record.Header{Key: string(d.text()), Value: d.block(d.length())}
	}
	return headers
}
