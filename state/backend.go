package state

import "errors"

// ErrClosed is returned by a backend that has been closed. The caller is a task
// that outlived its worker; there is nothing to retry.
var ErrClosed = errors.New("state: backend is closed")

// BackendError is returned by stores when their backend fails. It is never the
// fault of a record, so no error policy applies to it: the worker has to stop.
type BackendError struct{ Err error }

func (e *BackendError) Error() string { return "state: read local state: " + e.Err.Error() }

// Unwrap is the backend's own error.
func (e *BackendError) Unwrap() error { return e.Err }

// Backend is an ordered map from byte strings to byte strings that holds the
// committed state of every store of one worker. Keys are ordered bytewise and
// are not empty; values may be. All methods are safe for concurrent use, and none
// keeps or changes the slices given to it.
//
// A backend that survives a crash holds, after it, the effect of some prefix of
// the batches in the order in which they were committed, each batch whole or
// not at all. That is all the durability that is asked of it: what the prefix
// lacks is replayed from the changelogs. Two commits that overlap in time are
// in either order.
type Backend interface {
	// Get appends the value of key to dst. ok is false if there is none; value
	// is then dst, as it is if err is not nil.
	Get(dst, key []byte) (value []byte, ok bool, err error)
	// Scan calls yield for every key in [from, to) in ascending order, or in
	// descending order if reverse is set, until yield returns false. A nil to
	// means no upper bound; there is no key in the range if to is not nil and
	// not after from. The slices are valid only during the call of yield, which
	// must not change them and may use the backend itself, except to close it;
	// whether it sees writes made since Scan began is not defined.
	Scan(from, to []byte, reverse bool, yield func(key, value []byte) bool) error
	// NewBatch returns an empty batch. On a closed backend its Commit fails.
	NewBatch() Batch
	// Flush makes every batch committed so far survive a crash of the process.
	Flush() error
	// Close flushes and releases the backend; it is released also if Close
	// returns an error. Calls in progress end as usual or return ErrClosed, and
	// calls after it, of Close too, return ErrClosed.
	Close() error
}

// Batch is a group of writes that a Backend applies at once, in their order. It
// copies the slices given to it. It is not safe for concurrent use, and not to
// be used after Commit or Discard.
type Batch interface {
	// Set sets key to value. If key is empty, Commit returns an error.
	Set(key, value []byte)
	// Delete deletes key. It does nothing if there is none.
	Delete(key []byte)
	// DeleteRange deletes every key in [from, to), those set earlier in the
	// batch too. It does nothing if to is not after from: unlike in Scan, a nil
	// to is the lowest bound, as there is no deleting without an upper one.
	DeleteRange(from, to []byte)
	// Commit applies the batch. The writes are visible when it returns, or none
	// ever is if it returns an error.
	Commit() error
	// Discard drops the batch without applying it.
	Discard()
}
