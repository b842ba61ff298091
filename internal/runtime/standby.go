package runtime

import (
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// standby is the stores of a task that another worker has, kept up to date from their
// changelogs. They are where the task itself would have them, so that it goes on from
// there when it comes to this worker.
type standby struct {
	w      *Worker
	id     task.ID
	since  time.Time
	copies []*storeCopy
}

// storeCopy is one store of a standby. The restorer applies to it, queries read it.
type storeCopy struct {
	of     *standby
	number int
	plan   *topology.StorePlan
	store  state.Lifecycle
	task   *task.Task

	// reading is held while rows are read, so that none change meanwhile; and to write
	// while they do. It guards what the backend has, and comes before mu.
	reading sync.RWMutex
	mu      sync.Mutex
	at      sight
	// seen is when a leader told of the log last, kept and noted what of that is in the
	// backend.
	seen, noted time.Time
	kept        sight
	// complete says that it has once had all that there was; dirty that something was
	// applied and is not on disk.
	complete, dirty bool
	applied         int64
	// outlived is the end of what had expired at expired.
	outlived []byte
	expired  time.Time
	// failed counts the failures in a row; until resting it is left alone.
	failed  int
	resting time.Time
}

// followed says whether a standby can follow a store.
func followed(store *topology.StorePlan) bool { return store.Changelog != "" && store.Source == "" }

// newStandby opens the stores of a task, which are nobody else's.
func (w *Worker) newStandby(id task.ID) (*standby, error) {
	t, err := w.copyOf(id)
	if err != nil {
		return nil, err
	}
	s := &standby{w: w, id: id, since: time.Now()}
	for i, plan := range w.plan.Subtopologies[id.Subtopology].Stores {
		if !followed(plan) {
			continue
		}
		c := &storeCopy{of: s, number: i, plan: plan, store: t.Stores()[i], task: t, at: sight{next: -1, end: -1}}
		at, ok, err := goneOnWith(c.store.Space())
		if err != nil {
			return nil, err
		}
		if ok {
			c.at.next, c.at.topicID, c.noted = at.Offset, at.TopicID, time.UnixMilli(at.At)
		}
		c.kept = c.at
		s.copies = append(s.copies, c)
	}
	return s, nil
}

// copyOf is a task that has stores and nothing else.
func (w *Worker) copyOf(id task.ID) (*task.Task, error) {
	return task.New(id, w.plan.Subtopologies[id.Subtopology], task.Config{
		Application: w.plan.Application, Policies: w.config.Policies, Partitions: w.limits.partitions, MaxBytes: w.limits.maxBytes,
		Space: w.dir.space, Report: w.report,
	})
}

// goneOnWith is where local state stands that can be gone on with. Other state is wiped.
func goneOnWith(space state.Space) (at state.Position, ok bool, err error) {
	at, ok, err = space.Position()
	if err != nil || ok && time.Since(time.UnixMilli(at.At)) < positionAge {
		return at, ok, err
	}
	return state.Position{}, false, space.Clear()
}

// target says how to follow the changelog of a store.
func (c *storeCopy) target() restoreTarget {
	c.mu.Lock()
	defer c.mu.Unlock()
	return restoreTarget{
		topic: c.plan.Changelog, partition: c.of.id.Partition, from: c.at.next, topicID: c.at.topicID,
		windowed: c.plan.Windowed, apply: c.apply, reset: c.reset,
	}
}

// apply adds records and their position to the backend, at once.
func (c *storeCopy) apply(records []*kgo.Record) error {
	b := c.store.Space().NewBatch()
	if err := replayInto(c.task, c.number, b, records); err != nil {
		b.Discard()
		return err
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := records[len(records)-1].Offset + 1
	at := c.at
	at.next = next
	c.store.Space().SetPosition(b, position(at, time.Now()))
	if err := b.Commit(); err != nil {
		return err
	}
	c.at, c.kept, c.noted, c.dirty = at, at, time.Now(), true
	c.applied, c.failed = c.applied+int64(len(records)), 0
	return nil
}

// replayInto adds to a batch what changelog records change in a store of a task.
func replayInto(t *task.Task, store int, b state.Batch, records []*kgo.Record) error {
	return t.Replay(store, b, func(yield func(record.Raw) bool) {
		for _, r := range records {
			if !yield(rawOf(r)) {
				return
			}
		}
	})
}

func position(at sight, when time.Time) state.Position {
	return state.Position{Offset: at.next, TopicID: at.topicID, At: when.UnixMilli()}
}

// reset begins anew: the changelog is another one by now, or has lost what comes next.
func (c *storeCopy) reset() error {
	c.of.w.log.Warn("a standby is built up anew: its changelog is another one, or no longer has what comes next",
		"task", c.of.id.String(), "store", c.plan.Name, "changelog", c.plan.Changelog)
	c.reading.Lock()
	defer c.reading.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at.next, c.at.end, c.complete, c.outlived = -1, -1, false, nil
	return c.store.Space().Clear()
}

// see notes what a leader has told.
func (c *storeCopy) see(s sight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := s.end >= 0 && s.next >= s.end
	if all || s.next > c.at.next {
		c.failed = 0
	}
	if all && !c.complete {
		c.of.w.lookSoon() // a task may have waited for it
	}
	c.at, c.seen, c.complete = s, time.Now(), c.complete || all
}

// fail leaves the store alone for a while, longer each time. If that does not help, and
// no broker is the reason, what is here may be.
func (c *storeCopy) fail(err error) {
	c.mu.Lock()
	c.failed++
	n := c.failed
	wait := min(time.Second<<min(n-1, 5), maxRest)
	c.resting = time.Now().Add(wait)
	c.mu.Unlock()
	c.of.w.log.Warn("a standby cannot follow its changelog: it is tried again", "task", c.of.id.String(), "store", c.plan.Name, "error", err, "in", wait)
	var broker *kerr.Error
	if n%restsToReset == 0 && !errors.As(err, &broker) {
		if err := c.reset(); err != nil {
			c.of.w.log.Warn("clearing a standby failed", "task", c.of.id.String(), "store", c.plan.Name, "error", err)
		}
	}
}

// Bounds of how long a store that fails is left alone, and after how many failures it is
// built up anew.
const (
	maxRest      = 30 * time.Second
	restsToReset = 3
)

// rests is until when the store is left alone; zero is not.
func (c *storeCopy) rests() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Until(c.resting) <= 0 {
		return time.Time{}
	}
	return c.resting
}

// keep adds to a batch where the store stands, if that is newer than what the backend
// has, and drops what has expired. It reports whether there is anything to be flushed.
// The batch is to be committed before the store is applied to: reading must be held.
func (c *storeCopy) keep(b state.Batch) (flush bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	dropped, err := c.expire(b)
	if err != nil {
		return false, err
	}
	flush = dropped || c.dirty || c.at.next != c.kept.next
	if c.at.next >= 0 && c.seen.After(c.noted) && (flush || c.at.topicID != c.kept.topicID || c.seen.Sub(c.noted) > noteEvery) {
		c.store.Space().SetPosition(b, position(c.at, c.seen))
		c.kept, c.noted = c.at, c.seen
		flush = true
	}
	c.dirty = false
	return flush, nil
}

// expire drops what had expired a while ago: what is logged at least once may have to be
// processed again by somebody who then still needs it. It reports whether it did.
func (c *storeCopy) expire(b state.Batch) (dropped bool, err error) {
	e, ok := c.store.(state.Expirer)
	switch {
	case !ok:
	case c.outlived == nil:
		c.outlived, err = e.Outlived()
		c.expired = time.Now()
	case time.Since(c.expired) > expireAfter:
		e.Drop(b, c.outlived)
		c.outlived, dropped = nil, true
	}
	return dropped, err
}

// expireAfter is longer than a worker goes on without a commit.
const expireAfter = 2 * patience

// noteEvery is how often the position of a store is written that nothing is logged to,
// so that it does not grow old.
const noteEvery = time.Hour

// lag is how many records the store was behind when its changelog was seen last, at seen;
// ok is false before it has once had everything.
func (c *storeCopy) lag() (n int64, seen time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.next < 0 || c.at.end < 0 {
		return unknownLag, c.seen, false
	}
	return max(0, c.at.end-c.at.next), c.seen, c.complete
}

// lag is that of all stores together.
func (s *standby) lag() (n int64) {
	for _, c := range s.copies {
		one, _, _ := c.lag()
		n = min(n+one, unknownLag)
	}
	return n
}

// status is what to show of it.
func (s *standby) status() status.Standby {
	out := status.Standby{ID: s.id.String(), Subtopology: s.id.Subtopology, Partition: s.id.Partition, State: status.Running, Since: s.since}
	for _, c := range s.copies {
		c.mu.Lock()
		one := status.Copy{Store: c.plan.Name, Changelog: c.plan.Changelog, Position: c.at.next, End: c.at.end, Applied: c.applied, Seen: c.seen}
		if !c.complete {
			out.State = status.Restoring
		}
		c.mu.Unlock()
		out.Stores = append(out.Stores, one)
	}
	return out
}
