package task

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// input is the queue of one source partition of a task.
type input struct {
	topic     string
	partition int32
	node      int32
	source    topology.Input

	// batches are fetched records in order; head is the next one of the first.
	batches  [][]record.Raw
	head     int
	buffered int
	bytes    int
	// fetched is the offset behind the last fetched record, markers included, and
	// end where the partition ended when it was fetched; -1 if not known.
	fetched, end int64
	// at is the timestamp of the head, once it has been asked for.
	at      int64
	peeked  bool
	time    int64 // the highest timestamp so far, or -1
	empty   bool  // since emptyAt, a wall-clock time
	emptyAt int64
}

func (in *input) first() *record.Raw { return &in.batches[0][in.head] }

// timestamp is the timestamp of the head.
func (in *input) timestamp() int64 {
	if !in.peeked {
		in.at, in.peeked = in.peek(), true
	}
	return in.at
}

// peek asks for the timestamp of the head. If the user's code panics, it is the
// record's own: the record will fail again, in its turn, where that is handled.
func (in *input) peek() (at int64) {
	defer func() {
		if recover() != nil {
			at = in.first().Timestamp
		}
	}()
	return in.source.At(in.first(), in.time)
}

// advance drops the head.
func (in *input) advance(recycle func([]record.Raw)) {
	in.bytes -= size(in.first())
	in.head++
	in.buffered--
	in.peeked = false
	if in.head == len(in.batches[0]) {
		done := in.batches[0]
		in.batches[0] = nil
		in.batches, in.head = in.batches[1:], 0
		if len(in.batches) == 0 {
			in.batches = nil
		}
		if recycle != nil {
			recycle(done)
		}
	}
}

// position is the offset to commit: everything before it has been processed.
func (in *input) position() int64 {
	if in.buffered > 0 {
		return in.first().Offset
	}
	return in.fetched
}

// size is about how many bytes a buffered record takes.
func size(r *record.Raw) int { return len(r.Key) + len(r.Value) + 100 }

// lagPatience is how long, in milliseconds, a task waits for records that are
// known to exist. It only ends a wait for records that will never be seen, because
// a transaction at the end of a partition was aborted and compaction has removed
// its marker.
const lagPatience = 20_000

// choose returns the input whose head has the lowest timestamp, or nil if there
// is nothing to do or an empty input has to be waited for.
func (t *Task) choose() *input {
	if len(t.inputs) == 1 {
		if t.inputs[0].buffered == 0 {
			return nil
		}
		return t.inputs[0]
	}
	var lowest *input
	waiting := false
	for _, in := range t.inputs {
		switch {
		case in.buffered == 0:
			waiting = t.waitsFor(in) || waiting
		case lowest == nil || in.timestamp() < lowest.timestamp():
			lowest = in
		}
	}
	if waiting {
		return nil
	}
	return lowest
}

// waitsFor says whether the task waits for an empty input before it goes on with
// the others: while it is known to have more records, or for the idle time.
func (t *Task) waitsFor(in *input) bool {
	idle := t.emptyFor(in)
	if t.config.MaxIdle < 0 {
		return false
	}
	return in.fetched < in.end && idle < lagPatience || idle < t.config.MaxIdle
}

// emptyFor is for how long an empty input has been seen to be empty.
func (t *Task) emptyFor(in *input) int64 {
	if !in.empty {
		in.empty, in.emptyAt = true, t.env.Now
	}
	return t.env.Now - in.emptyAt
}

// Enqueue gives the task fetched records of an input, which it owns from then on.
// next is the offset behind them and end where the partition ended at the fetch.
func (t *Task) Enqueue(i int, records []record.Raw, next, end int64) {
	in := t.inputs[i]
	in.fetched, in.end = next, end
	if len(records) == 0 {
		return
	}
	in.batches = append(in.batches, records)
	in.buffered += len(records)
	in.empty = false
	for r := range records {
		in.bytes += size(&records[r])
	}
}

// Buffered is how many records, and about how many bytes, wait in an input.
func (t *Task) Buffered(i int) (records, bytes int) {
	return t.inputs[i].buffered, t.inputs[i].bytes
}

// Waiting says whether records wait only because another input is empty.
func (t *Task) Waiting() bool {
	if len(t.inputs) == 1 || t.full() {
		return false
	}
	for _, in := range t.inputs {
		if in.buffered > 0 {
			return true
		}
	}
	return false
}
