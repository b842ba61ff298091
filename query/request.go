package query

import (
	"context"
	"time"
)

// Source answers queries for its own tasks: a *tidemill.App.
type Source interface {
	// Query reads encoded rows.
	Query(ctx context.Context, r Request) (Answer, error)
	// Serdes are the serde.Serde[K] and serde.Serde[V] of a store.
	Serdes(store string) (key, value any, err error)
}

// Request says which rows of a store to read, with keys in their encoded form.
type Request struct {
	Store string
	// Key, if not nil, is the one key wanted; else From <= key < To, nil is unbounded.
	Key, From, To []byte
	// Since and Until bound the time of windows (their start), sessions and versions
	// (those that touch it) in milliseconds since the Unix epoch, both included.
	Since, Until int64
	// Limit is how many rows to return at most; 0 is DefaultLimit.
	Limit int
	// Partition is the one to ask. Below 0 it is that of Key, or all that the worker has.
	Partition int32
	// After are positions that the tasks must have come to.
	After []Position
	// Stale lets standbys answer; see there.
	Stale bool
}

// DefaultLimit and MaxLimit bound the rows of an answer.
const (
	DefaultLimit = 1000
	MaxLimit     = 10_000
)

// Position is a place in an input of a task: everything before Offset.
type Position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Answer is what a Request found.
type Answer struct {
	Rows []Row
	// Truncated says that there is more than the limit.
	Truncated bool
	// At are the positions of the inputs that the answer reflects, for a later After.
	At []Position
	// Copies are the standbys that some of the rows are from: none unless the Request
	// allowed it.
	Copies []Copy
}

// Copy says how far behind a standby is that has answered.
type Copy struct {
	Partition int32 `json:"partition"`
	// Lag is how many records of its changelog it had not applied when it last saw where
	// that ends, which was at Seen. Markers of transactions count too.
	Lag  int64     `json:"lag"`
	Seen time.Time `json:"seen"`
}

// Row is one row in its encoded form.
type Row struct {
	Key, Value []byte
	// Timestamp is that of the record that wrote it, in milliseconds.
	Timestamp int64
	// Start and End are those of a window, session or version. The end of the newest
	// version is state.Forever, that of a window is not known to its store and 0.
	Start, End int64
	Partition  int32
}
