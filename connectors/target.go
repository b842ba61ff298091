package connectors

import "context"

// Target is a system that sinks write items to. One value serves all tasks of a
// worker, on several goroutines.
type Target[T any] interface {
	// Open checks that the target is fit to be written to, and makes the session of one
	// task. It does not wait for a target that is unreachable: see Unavailable.
	Open(ctx context.Context, t Task) (Session[T], error)
}

// Task says whose session is opened.
type Task struct {
	// Application is the application id, Sink the name of the sink.
	Application, Sink string
	// Partition is the partition of the topics that the task reads.
	Partition int32
}

// Session writes for one task. Its methods are called one at a time.
type Session[T any] interface {
	// Load reads what the last Write of this task's sink has stored, by whichever
	// session, and is called before the first Write.
	Load(ctx context.Context) (Stored, error)
	// Write applies the items of a batch in order, and stores its positions and what was
	// refused, all at once or not at all. It returns the items that the target refuses;
	// the others are applied. Errors that pass are marked with Unavailable: the same batch
	// comes again then, and is not applied twice if it was applied without it being known.
	// It fails with ErrMoved if somebody else has written meanwhile. The batch is the
	// session's until Write returns.
	Write(ctx context.Context, b *Batch[T]) ([]Refused, error)
	Close() error
}

// Stored is what a session has stored beside the data.
type Stored struct {
	Positions []Position
	// Refused are records below the positions that were refused since the last commit.
	Refused []Origin
}

// Position is how far one topic has been written, in the partition of the task.
type Position struct {
	Topic string
	// Next is the first offset that has not been written.
	Next int64
}

// Origin is the record that an item was made of. Offset is -1 if there is no single
// one.
type Origin struct {
	Topic  string
	Offset int64
}

// Batch is what is written at once.
type Batch[T any] struct {
	// Number counts the batches of a session, from 1.
	Number int64
	Items  []T
	// Origins are where the items came from, in the same order.
	Origins   []Origin
	Positions []Position
	// Settled says that what was refused before this batch is committed, and need not
	// be stored any longer.
	Settled bool
}

// Refused is an item that the target does not take.
type Refused struct {
	// Item is its index in the batch.
	Item int
	Err  error
}
