package task

import (
	"maps"
	"time"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/status"
)

// Describe fills in what the task knows of itself. now is the wall clock in
// milliseconds. It is called like any other method, by one goroutine at a time.
func (t *Task) Describe(out *status.Task, now int64) {
	out.State, out.Processed, out.Calls = status.Running, t.processed, t.pending
	if t.retrying != nil && now < t.blocked || t.crowded {
		out.State = status.Retrying
	}
	out.StreamTime = moment(t.env.StreamTime)
	out.Dropped = maps.Clone(t.env.Dropped())
	for i, in := range t.inputs {
		one := &out.Inputs[i]
		one.Position, one.Buffered, one.Time = t.reached(i), in.buffered, moment(in.time)
		one.End = max(one.End, in.end)
	}
	for i, store := range t.stores.Lifecycles {
		describeStore(&out.Stores[i], store)
	}
}

// Passed tells how many records each node has passed on.
func (t *Task) Passed(yield func(node string, n int64)) { t.env.Passed(yield) }

// Reached says whether everything before an offset of a partition that the task reads
// has been processed; known is false if it does not read it.
func (t *Task) Reached(topic string, partition int32, offset int64) (reached, known bool) {
	for i, in := range t.inputs {
		if in.topic == topic && in.partition == partition {
			return t.reached(i) >= offset, true
		}
	}
	return false, false
}

func describeStore(out *status.Store, store state.Lifecycle) {
	out.PinnedBytes = int64(store.Pinned())
	if s, ok := store.(interface{ Memory() state.Memory }); ok {
		m := s.Memory()
		out.Hits, out.Misses, out.Entries, out.MemoryBytes = m.Hits, m.Misses, m.Entries, m.Bytes
	}
}

// moment is a time of the task, zero if there is none.
func moment(ms int64) time.Time {
	if ms < 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// At are the positions of the inputs.
func (t *Task) At() []Position {
	out := make([]Position, len(t.inputs))
	for i, in := range t.inputs {
		out[i] = Position{Topic: in.topic, Partition: in.partition, Offset: t.reached(i)}
	}
	return out
}
