package runtime

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// hosted is a task in a worker: the task itself, which only its lane touches, and
// what the other goroutines need to reach it.
type hosted struct {
	task   *task.Task
	id     task.ID
	inputs []task.Input
	lane   *lane
	fetch  *fetcher
	// committedOnly says that the inputs are read up to the last stable offset.
	committedOnly bool

	calls    *calls
	mu       sync.Mutex
	inbox    []delivery
	buffered []int  // bytes in the inbox and the task, by input
	paused   []bool // by input
	limit    int    // of buffered

	unacked atomic.Int32
	logMu   sync.Mutex
	// changelogs are where the changelogs of the stores stand, by store.
	changelogs []state.Position

	// checkpointed is when the last checkpoint was taken, checkpointing whether
	// one is being written. Only the worker's own goroutine uses them.
	checkpointed  time.Time
	checkpointing bool
	// pinned is the task's share of what the worker counts.
	pinned int64

	batches []*record.Batch
	// worked is when the task had something to do last, by the wall clock.
	worked int64
	// since is when the task was made, restoring how far its stores are.
	since     time.Time
	restoring progress
	// written and logs count what the task wrote to topics and to changelogs, busy is
	// how long it has been at work. They are the lane's.
	written, logs int64
	busy          time.Duration
	// last is what the task answered at answered, and passed what its nodes have passed
	// on. Worker.asking guards them.
	last     status.Task
	passed   map[string]int64
	answered time.Time
	// received is how many bytes the task itself holds, by input.
	received []int
}

// delivery is fetched records on their way to a task.
type delivery struct {
	input     int
	records   []record.Raw
	next, end int64
	bytes     int
}

// deliver puts records into the inbox and wakes the lane. It pauses a partition
// of which too much has been buffered, which happens only when its task is held
// up: otherwise the fetcher stops polling long before.
func (h *hosted) deliver(d delivery) {
	h.mu.Lock()
	h.inbox = append(h.inbox, d)
	h.buffered[d.input] += d.bytes
	account := d.bytes
	pause := h.buffered[d.input] > h.limit && !h.paused[d.input]
	if pause {
		h.paused[d.input] = true
		account -= h.buffered[d.input]
	} else if h.paused[d.input] {
		account = 0
	}
	h.mu.Unlock()
	h.fetch.account(account)
	if pause {
		h.fetch.pause(h.inputs[d.input].Topic, h.inputs[d.input].Partition)
	}
	h.lane.wakeUp()
}

// receive gives the task what is in its inbox.
func (h *hosted) receive() {
	h.mu.Lock()
	inbox := h.inbox
	h.inbox = nil
	h.mu.Unlock()
	for _, d := range inbox {
		h.task.Enqueue(d.input, d.records, d.next, d.end)
		h.received[d.input] += d.bytes
		if len(d.records) == 0 {
			h.fetch.recycle(d.records)
		}
	}
}

// settle accounts for what the task has consumed, and lets the fetching of a
// paused partition go on when half of its buffer is free again.
func (h *hosted) settle() {
	for i := range h.inputs {
		_, bytes := h.task.Buffered(i)
		used := h.received[i] - bytes
		if used == 0 {
			continue
		}
		h.received[i] = bytes
		h.mu.Lock()
		h.buffered[i] -= used
		account := -used
		resume := h.paused[i] && h.buffered[i] < h.limit/2
		if resume {
			h.paused[i] = false
			account = h.buffered[i]
		} else if h.paused[i] {
			account = 0
		}
		h.mu.Unlock()
		h.fetch.account(account)
		if resume {
			h.fetch.resume(h.inputs[i].Topic, h.inputs[i].Partition)
		}
	}
}

// makeWay is called when the task cannot go on with what it holds, because it
// waits for another input, for a record's next attempt or for long calls. If that
// keeps the fetcher from polling, what waits is paused and counts no more, so that
// all other partitions go on: the input that is waited for may be one of them.
func (h *hosted) makeWay() {
	if !h.fetch.full() {
		return
	}
	for i, in := range h.inputs {
		if records, _ := h.task.Buffered(i); records == 0 {
			continue
		}
		h.mu.Lock()
		pause, bytes := !h.paused[i], h.buffered[i]
		h.paused[i] = true
		h.mu.Unlock()
		if pause {
			h.fetch.pause(in.Topic, in.Partition)
			h.fetch.account(-bytes)
		}
	}
}

// forget takes what the task holds out of the fetcher's account.
func (h *hosted) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, bytes := range h.buffered {
		if !h.paused[i] {
			h.fetch.account(-bytes)
		}
	}
}

// logged notes how far a changelog has been written.
func (h *hosted) logged(store int, next int64) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	h.changelogs[store].Offset = max(h.changelogs[store].Offset, next)
}

// inputOf is the input that a store has in place of a changelog, or nil.
func (h *hosted) inputOf(store *topology.StorePlan) *task.Input {
	for i := range h.inputs {
		if in := &h.inputs[i]; store.Source != "" && in.Topic == store.Source {
			return in
		}
	}
	return nil
}

// follow notes how far the inputs are committed that stores have in place of
// changelogs.
func (h *hosted) follow(stores []*topology.StorePlan, committed []task.Position) {
	for i, store := range stores {
		in := h.inputOf(store)
		if in == nil {
			continue
		}
		for _, p := range committed {
			if p.Topic == in.Topic && p.Partition == in.Partition {
				h.logged(i, p.Offset)
			}
		}
	}
}

// positions are where the changelogs stand.
func (h *hosted) positions() []state.Position {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	out := append([]state.Position(nil), h.changelogs...)
	for i := range out {
		out[i].At = time.Now().UnixMilli()
	}
	return out
}
