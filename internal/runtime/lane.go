package runtime

import (
	"sync"
	"sync/atomic"
	"time"
)

// lane is one goroutine that runs some of the worker's tasks in turn. All that is
// done with a task is done on its lane.
type lane struct {
	tasks   []*hosted
	emitter *emitter
	// wake says that there may be something to do; control carries work for the
	// lane's goroutine, which comes before any record.
	wake    chan struct{}
	control chan func()
	failed  func(error)
	// full is told when a task holds so much uncommitted that it needs a commit.
	full   func()
	pinned int
	timer  *time.Timer
	// worked says that there is something to commit.
	worked atomic.Bool
}

func newLane(e *emitter, failed func(error), full func(), pinned int) *lane {
	return &lane{
		emitter: e, failed: failed, full: full, pinned: pinned,
		wake: make(chan struct{}, 1), control: make(chan func(), 1), timer: time.NewTimer(time.Hour),
	}
}

func (l *lane) wakeUp() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run works until control is closed.
func (l *lane) run(wg *sync.WaitGroup) {
	defer wg.Done()
	for {
		select {
		case f, ok := <-l.control:
			if !ok {
				return
			}
			f()
			continue
		default:
		}
		if l.turn() {
			continue
		}
		select {
		case f, ok := <-l.control:
			if !ok {
				return
			}
			f()
		case <-l.wake:
		case <-l.timer.C:
		}
	}
}

// chunk is how many records a task takes before the lane looks around.
const chunk = 128

// turn lets each task take a chunk of records. It reports false if there is
// nothing to do until the lane is woken.
func (l *lane) turn() (busy bool) {
	now := time.Now().UnixMilli()
	next := int64(0)
	for _, h := range l.tasks {
		h.receive()
		n, err := h.task.Process(chunk, now)
		punctuated := false
		if err == nil {
			punctuated, err = h.task.Punctuate(now)
		}
		if n > 0 || punctuated {
			l.worked.Store(true)
		}
		l.emit(h)
		if err != nil {
			l.failed(err)
			l.tasks = nil // nothing more is to be processed behind a failure
			return false
		}
		if n > 0 {
			busy = true
			h.settle()
			if h.task.CommitRequested() || h.task.Pinned() > l.pinned {
				l.full()
			}
		} else {
			h.makeWay()
		}
		if at := h.due(now); at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	if !busy && next > 0 {
		l.timer.Reset(time.Duration(next-now) * time.Millisecond)
	}
	return busy
}

// idleTick is how often a task with records that wait for another input looks
// whether it still has to wait, in milliseconds.
const idleTick = 10

// due is when a task has something to do even if nothing comes for it; 0 is never.
func (h *hosted) due(now int64) int64 {
	due := int64(0)
	if at, ok := h.task.NextPunctuation(); ok {
		due = max(at, now+1)
	}
	if at := h.task.Blocked(); at > now && (due == 0 || at < due) {
		due = at
	}
	if h.task.Waiting() && (due == 0 || now+idleTick < due) {
		due = now + idleTick
	}
	return due
}

// emit hands the outputs of a task to the producer.
func (l *lane) emit(h *hosted) {
	h.batches = h.task.Take(h.batches[:0])
	for i, b := range h.batches {
		h.batches[i] = nil
		l.emitter.emit(h, b)
	}
}

// flush makes the tasks write all that they hold back.
func (l *lane) flush() error {
	for _, h := range l.tasks {
		if err := h.task.Flush(func() { l.emit(h) }); err != nil {
			return err
		}
		if h.task.CommitRequested() {
			l.worked.Store(true)
			l.full()
		}
	}
	return nil
}
