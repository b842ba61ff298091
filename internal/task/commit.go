package task

import (
	"maps"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Punctuate calls the punctuations that are due by the wall clock, and reports
// whether there were any.
func (t *Task) Punctuate(now int64) (bool, error) {
	t.env.Now, t.unprompted = now, 0
	if err := t.tick(now); err != nil {
		return false, err
	}
	if _, err := t.env.Punctuate(processors.WallClockTime, now); err != nil {
		return false, err
	}
	called := t.unprompted > 0
	t.prompted = t.prompted && !called
	t.settled = t.settled && !called
	return called, nil
}

// NextPunctuation is the wall-clock time of the next punctuation, if there is one.
func (t *Task) NextPunctuation() (int64, bool) {
	at, ok := t.env.NextPunctuation()
	if next, ticks := t.clock.next(); ticks && (!ok || next < at) {
		return next, true
	}
	return at, ok
}

// Blocked is the wall-clock time until which a record waits to be tried again;
// 0 if none does.
func (t *Task) Blocked() int64 { return t.blocked }

// flushRun is after how many flushed writes the outputs are taken, to bound them.
const flushRun = 512

// Drain prepares a task that makes calls for a commit: it flushes, as far as calls
// under way allow, and reports whether nothing is under way any more. Until it does,
// Complete and Drain are called, but neither Process nor Punctuate; and after that
// nothing until the commit.
func (t *Task) Drain(take func()) (done bool, err error) {
	if t.pending > 0 {
		return false, nil
	}
	if t.settled {
		return true, nil
	}
	if err = t.Flush(take); err == nil && t.pending == 0 {
		t.settle()
	}
	return t.pending == 0, err
}

// Flush logs and forwards every write that the stores hold back. It belongs to
// every commit. take is called now and then, and at the end, to take the outputs. It
// ends early when that leads to too many calls, which Drain must have prevented. If
// CommitRequested says so after it, there is more to flush, which takes another
// commit.
func (t *Task) Flush(take func()) error {
	defer take()
	t.env.CommitRequested() // this one is what was asked for
	t.env.Source = record.Metadata{}
	t.env.Flushes++
	t.env.Flushing = true
	defer func() { t.env.Flushing = false }()
	for again := true; again && !t.full(); {
		again = false
		for _, store := range t.stores.Lifecycles {
			err := t.protect(func() error {
				flushed, err := t.flush(store, take)
				again = again || flushed
				return err
			})
			if err != nil {
				return err
			}
		}
		again = again && len(t.stores.Lifecycles) > 1
	}
	return nil
}

func (t *Task) flush(store state.Lifecycle, take func()) (flushed bool, err error) {
	for n := 1; !t.full(); n++ {
		if n%flushRun == 0 {
			take()
		}
		logged, err := store.FlushLog()
		if err != nil || !logged {
			return flushed, err
		}
		flushed = true
		t.begin(nil)
		if err := t.protect(store.FlushForward); err == nil {
			t.admit()
		} else if _, err = t.failed(err, nil, nil); err != nil {
			return flushed, err
		}
	}
	return flushed, nil
}

// Take appends the outputs so far to dst, in the order in which they must become
// durable.
func (t *Task) Take(dst []*record.Batch) []*record.Batch { return t.env.Outbox.Take(dst) }

// Position is what is to be committed for one input.
type Position struct {
	Topic     string
	Partition int32
	// Offset is the next offset to read.
	Offset int64
	// Time is the highest timestamp of the partition, or -1.
	Time int64
	// Progress is what the operators want back after a restart.
	Progress map[string]int64
}

// Positions appends what has to be committed: the inputs whose position has moved
// since the last call of Committed. If none has, but something was done without any
// record, one input stands for the progress of that.
func (t *Task) Positions(dst []Position) []Position {
	var progress map[string]int64
	for i := range t.inputs {
		if t.reached(i) == t.committed[i] {
			continue
		}
		if progress == nil {
			progress = t.env.Committable()
		}
		dst = append(dst, t.position(i, progress))
	}
	if progress == nil && !t.prompted && len(t.inputs) > 0 {
		if progress = t.env.Committable(); !maps.Equal(progress, t.progress) {
			dst = append(dst, t.position(0, progress))
		}
	}
	t.progress = progress
	return dst
}

func (t *Task) position(i int, progress map[string]int64) Position {
	in := t.inputs[i]
	return Position{Topic: in.topic, Partition: in.partition, Offset: t.reached(i), Time: in.time, Progress: progress}
}

// Committed says that the positions have been committed.
func (t *Task) Committed() {
	t.prompted = true
	for i := range t.inputs {
		t.committed[i] = t.reached(i)
	}
	for _, o := range t.outsides {
		o.Committed()
	}
}

// Pinned is about how many bytes of committed or uncommitted writes wait for a
// checkpoint.
func (t *Task) Pinned() int {
	n := 0
	for _, store := range t.stores.Lifecycles {
		n += store.Pinned()
	}
	return n
}

// Checkpoint adds everything written since the last checkpoint to a batch. It is
// called when all of it is committed; positions are where the changelogs stand
// then, by store. Checkpointed says that the batch has been applied.
func (t *Task) Checkpoint(b state.Batch, positions []state.Position) error {
	for i, store := range t.stores.Lifecycles {
		if err := t.protect(func() error { return store.Checkpoint(b) }); err != nil {
			return err
		}
		store.Space().SetPosition(b, positions[i])
	}
	return nil
}

// Checkpointed says that the last checkpoint has been applied.
func (t *Task) Checkpointed() {
	for _, store := range t.stores.Lifecycles {
		store.Checkpointed()
	}
}
