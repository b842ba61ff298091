package topology

import (
	"fmt"
	"math"
)

// SuppressBuffer bounds what Suppress holds back: an EagerBuffer or a StrictBuffer.
// Rows that do not fit into the cache are on disk, so a bound is needed only where
// results must not wait any longer, or where the disk is small.
type SuppressBuffer interface{ limits() bufferLimits }

// EagerBuffer passes the first rows on before they are due when it is full.
type EagerBuffer struct{ bufferLimits }

// StrictBuffer never passes a row on before it is due.
type StrictBuffer struct{ bufferLimits }

// MaxRecords bounds a buffer by the number of rows that are held back in each task.
func MaxRecords(n int64) EagerBuffer { return EagerBuffer{unbounded}.MaxRecords(n) }

// MaxBytes bounds a buffer by the bytes that are held back in each task: about those
// of the keys, the values and the headers, as Kafka Streams counts them.
func MaxBytes(n int64) EagerBuffer { return EagerBuffer{unbounded}.MaxBytes(n) }

// Unbounded is a buffer without bounds.
func Unbounded() StrictBuffer { return StrictBuffer{unbounded} }

// MaxRecords bounds the buffer by the number of rows too.
func (b EagerBuffer) MaxRecords(n int64) EagerBuffer {
	b.records = n
	return b
}

// MaxBytes bounds the buffer by the bytes of its rows too.
func (b EagerBuffer) MaxBytes(n int64) EagerBuffer {
	b.bytes = n
	return b
}

// ShutDownWhenFull ends the application with an error when the buffer is full, whatever
// the policies for errors are, instead of passing rows on early. The record that does
// not fit is the first to be read at the next start.
func (b EagerBuffer) ShutDownWhenFull() StrictBuffer {
	b.strict = true
	return StrictBuffer(b)
}

// bufferLimits are the bounds of a buffer.
type bufferLimits struct {
	records, bytes int64
	strict         bool
}

var unbounded = bufferLimits{records: math.MaxInt64, bytes: math.MaxInt64}

func (l bufferLimits) limits() bufferLimits { return l }

// fault is what is wrong with the limits, or nil.
func (l bufferLimits) fault() error {
	switch {
	case l.records < 0:
		return fmt.Errorf("MaxRecords must not be negative, got %d", l.records)
	case l.bytes < 0:
		return fmt.Errorf("MaxBytes must not be negative, got %d", l.bytes)
	}
	return nil
}
