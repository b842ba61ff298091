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
	// asks carries questions, which are answered between two turns.
	asks   chan func()
	failed func(error)
	// full is told when the tasks hold so much that they need a commit.
	full   func()
	pinned *pinned
	timer  *time.Timer
	// failure is what has ended the processing of the lane's tasks.
	failure error
	// drained is told when no task has calls under way any more. While it is set,
	// tasks that make calls take nothing more; the others go on.
	drained chan<- struct{}
	told    bool
	// worked says that there is something to commit.
	worked atomic.Bool
}

func newLane(e *emitter, failed func(error), full func(), pinned *pinned) *lane {
	return &lane{
		emitter: e, failed: failed, full: full, pinned: pinned,
		wake: make(chan struct{}, 1), control: make(chan func(), 1), asks: make(chan func()), timer: time.NewTimer(time.Hour),
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
		case f := <-l.asks:
			f()
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
		case f := <-l.asks:
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
	began := time.Now()
	now := began.UnixMilli()
	next := int64(0)
	quiet := l.drained != nil && l.failure == nil
	for _, h := range l.tasks {
		n, done, err := l.work(h, now)
		l.emit(h)
		if err != nil {
			l.failure = err
			l.tasks = nil // nothing more is to be processed behind a failure
			l.failed(err)
			return false
		}
		h.calls.start(h.task, now)
		if n > 0 {
			busy = true
			h.worked = now
			ended := time.Now()
			h.busy += ended.Sub(began)
			began = ended
			h.settle()
			l.pinned.note(h)
			if h.task.CommitRequested() || l.pinned.full() {
				l.full()
			}
		} else if h.stuck(now) {
			h.makeWay()
		}
		quiet = quiet && done
		if at := h.due(now, l.drained != nil); at > 0 && (next == 0 || at < next) {
			next = at
		}
	}
	if quiet && !l.told {
		l.told = true
		l.drained <- struct{}{}
	}
	if !busy && next > 0 {
		l.timer.Reset(time.Duration(next-now) * time.Millisecond)
	}
	return busy
}

// work has a task do a part of what there is to do, and returns how much that was.
// done is false while a commit has to wait for it.
func (l *lane) work(h *hosted, now int64) (n int, done bool, err error) {
	h.receive()
	n, err = h.calls.complete(h.task, now)
	if n > 0 {
		l.worked.Store(true)
	}
	if err != nil {
		return n, false, err
	}
	if l.drained != nil && h.task.MakesCalls() {
		done, err = h.task.Drain(func() { l.emit(h) })
		return n, done, err
	}
	taken, err := h.task.Process(chunk, now)
	punctuated := false
	if err == nil {
		punctuated, err = h.task.Punctuate(now)
	}
	if taken > 0 || punctuated {
		l.worked.Store(true)
	}
	return n + taken, true, err
}

// idleTick is how often a task with records that wait for another input looks
// whether it still has to wait, and stuckAfter how long a task that waits for calls
// may be expected to go on with what it holds, both in milliseconds.
const (
	idleTick   = 10
	stuckAfter = 100
)

// maxStall is for how long, in milliseconds, a lane may not have come to a task that is
// then taken to have had nothing to do. While a broker does not answer, a commit holds
// the lanes up for longer.
const maxStall = 2_000

// stuck says whether a task that had nothing to do will not have soon.
func (h *hosted) stuck(now int64) bool {
	return h.task.Pending() == 0 || now-h.worked >= stuckAfter
}

// due is when a task has something to do even if nothing comes for it; 0 is never.
// draining says that it would only have calls made again.
func (h *hosted) due(now int64, draining bool) int64 {
	due := h.task.NextCall()
	if draining && h.task.MakesCalls() {
		return due
	}
	if at, ok := h.task.NextPunctuation(); ok && (due == 0 || at < due) {
		due = max(at, now+1)
	}
	if at := h.task.WriteDue(); at > 0 && (due == 0 || at < due) {
		due = max(at, now+1)
	}
	if at := h.task.Blocked(); at > now && (due == 0 || at < due) {
		due = at
	}
	if h.task.Waiting() && (due == 0 || now+idleTick < due) {
		due = now + idleTick
	}
	if h.task.Pending() > 0 && (due == 0 || now+stuckAfter < due) {
		due = now + stuckAfter
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

// flush makes the tasks write all that they hold back. Behind a failure nothing may
// be committed, because some of it may be missing.
func (l *lane) flush() error {
	if l.failure != nil {
		return l.failure
	}
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
