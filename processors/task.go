package processors

import (
	"context"
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// Task is the part of a task that its processors may see: who it is, what time
// it is, where the record at hand came from, its stores and its outbox. The
// owner of the task keeps it up to date.
type Task struct {
	// Application is the application id, and ID the name of the task, such as 0_3.
	Application string
	ID          string
	// Partition is the partition of the source topics that the task reads.
	Partition int32
	// Names are the names of the plan's nodes by their number.
	Names []string
	// Outbox takes what the task writes.
	Outbox record.Outbox
	// Source is where the record at hand came from, Time its timestamp and Headers
	// its headers. While no record is at hand, Source is zero.
	Source  record.Metadata
	Time    int64
	Headers record.Headers
	// Now is the wall clock, StreamTime the highest timestamp seen so far or -1,
	// both in milliseconds since the Unix epoch.
	Now, StreamTime int64
	// Partitions tells the number of partitions of a topic, for partitioners.
	Partitions func(topic string) (int32, error)
	// MaxBytes tells how large a record of a topic may be.
	MaxBytes func(topic string) int
	// ExactlyOnce says that what the task writes, its stores and the position of what it
	// has read commit as one.
	ExactlyOnce bool
	// Flushing says that a commit is flushing what was held back, and Flushes how many
	// have begun to.
	Flushing bool
	Flushes  int64
	// Starts are where the task begins in its inputs; a node may set Next lower while
	// the task is assembled. Stateful says that it has stores, so that it must not.
	Starts   []Start
	Stateful bool
	// Report has the owner log that the record at hand is left behind, why, and what
	// becomes of it, such as "dead letter".
	Report func(err error, policy string)
	// Guard runs a piece of work that no record at hand causes, such as a
	// forwarded window result, as a unit that succeeds or fails as a whole.
	Guard func(work func() error) error

	ctx       context.Context
	at        int32
	stores    map[string]any
	schedules []*Schedule
	after     []func() error
	progress  map[string]int64
	tracked   []tracked
	drops     map[string]int64
	// counted are the nodes' counts of what they passed on.
	counted []counted
	// late are the contexts of OnLate by their nodes.
	late   map[int32]any
	commit bool

	// advance says when time goes on by itself, standing how long it has not.
	advance  Advance
	standing standing

	// marking says that units of work can be taken back; undo and markedTime are
	// what Rollback needs.
	marking    bool
	markedTime int64
	undo       []progressed

	// lines are the operators that make calls, asked the calls that the unit of work
	// at hand has asked for.
	lines []CallRules
	asked []Asked
	// outsides are what the task writes to outside of Kafka.
	outsides []Outside
}

// Owner is a Task as the one who owns it drives it. Processors have no use for it.
type Owner Task

// Task is what the task's processors see of it.
func (t *Owner) Task() *Task { return (*Task)(t) }

// Init prepares a task for the assembly of its processors. progress is what was
// committed by Progress the last time.
func (t *Owner) Init(ctx context.Context, stores map[string]any, progress map[string]int64) {
	t.ctx, t.stores, t.progress = ctx, stores, progress
	if t.progress == nil {
		t.progress = map[string]int64{}
	}
	t.drops = map[string]int64{}
	t.outsides = nil
}

// Context is the context of the worker's run, for calls that block. It ends when
// the worker has to stop at once.
func (t *Task) Context() context.Context { return t.ctx }

// At is the number of the node that is at work, or was when an error came.
func (t *Owner) At() int32 { return t.at }

// Enter says that a node is given control from outside.
func (t *Owner) Enter(node int32) { t.at = node }

// RequestCommit asks the worker to commit soon.
func (t *Task) RequestCommit() { t.commit = true }

// CommitRequested says whether a commit was asked for since the last call.
func (t *Owner) CommitRequested() bool {
	asked := t.commit
	t.commit = false
	return asked
}

// Drop counts a record that an operator does not pass on because of a rule that
// the user may not expect, such as a late record or one without a key.
func (t *Task) Drop(reason string) { t.drops[reason]++ }

// counted is where a node counts what it passes on.
type counted struct {
	node   int32
	passed *int64
}

// Passed calls yield with the name of each node and how many records it has passed
// on, or written if it is a sink.
func (t *Owner) Passed(yield func(node string, n int64)) {
	for _, one := range t.counted {
		yield(t.Names[one.node], *one.passed)
	}
}

// Dropped tells how many records were dropped for each reason.
func (t *Owner) Dropped() map[string]int64 { return t.drops }

// Store returns the store of this name, which must be connected to the node.
func Store[S any](t *Task, name string) (S, error) {
	var none S
	found, ok := t.stores[name]
	if !ok {
		return none, fmt.Errorf("processors: no store named %q is connected to this node: name it when the processor is added", name)
	}
	typed, ok := found.(S)
	if !ok {
		return none, fmt.Errorf("processors: store %q is a %T, not a %T", name, found, none)
	}
	return typed, nil
}

// AfterRecord registers work to be done behind each record and each change of
// stream time, outside of the record's own unit of work.
func (t *Task) AfterRecord(work func() error) { t.after = append(t.after, work) }

// RunAfterRecord does the work registered with AfterRecord.
func (t *Owner) RunAfterRecord() error {
	for _, work := range t.after {
		if err := work(); err != nil {
			return err
		}
	}
	return nil
}

// Observe sets the time and the headers of the record at hand, and stream time if
// it is later.
func (t *Owner) Observe(ts int64, headers record.Headers) {
	t.Time, t.Headers = ts, headers
	t.StreamTime = max(t.StreamTime, ts)
}
