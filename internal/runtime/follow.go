package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
)

// follower keeps all standbys of a worker up to date, with one client. It only reads.
type follower struct {
	w        *Worker
	client   *kgo.Client
	restorer *restorer
	// planned are the standbys that the group's leader wants kept; changed tells the
	// worker that they are others.
	planned atomic.Pointer[[]task.ID]
	changed chan struct{}
	warm    warmUps
	// kept are the standbys, which only the worker's goroutine changes, and all the same
	// in the order of their tasks, for others to see.
	kept   map[task.ID]*standby
	all    atomic.Pointer[[]*standby]
	cancel context.CancelFunc
	done   chan struct{}
	// unflushed says that something of the standbys is not on disk.
	unflushed bool
}

func newFollower(w *Worker) *follower {
	return &follower{w: w, changed: make(chan struct{}, 1), kept: map[task.ID]*standby{}}
}

// plan is told by the group which standbys to keep, and which of them are warmed up for
// their tasks to come. It does not wait.
func (f *follower) plan(tasks, warm []task.ID) {
	f.planned.Store(&tasks)
	f.warm.plan(warm)
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// list are the standbys in the order of their tasks.
func (f *follower) list() []*standby {
	if all := f.all.Load(); all != nil {
		return *all
	}
	return nil
}

// told is what the worker tells the group of its standbys.
func (f *follower) told() told {
	return told{wanted: f.w.config.Standbys, held: f.warm.held(f.list())}
}

// followStandbys follows the standbys that are planned, but for tasks that the worker has
// itself or still has. It returns when nothing touches the state of others any more.
// Only the worker's goroutine calls it. A failure is logged: standbys are worth less
// than what the worker does.
func (w *Worker) followStandbys() {
	f := w.standbys
	var wanted []task.ID
	if planned := f.planned.Load(); planned != nil && !w.closing {
		own := w.wanted()
		for _, id := range *planned {
			if own[id] == nil && w.hosted[id] == nil && f.possible(id) && !slices.Contains(wanted, id) {
				wanted = append(wanted, id)
			}
		}
	}
	slices.SortFunc(wanted, task.ID.Compare)
	if slices.Equal(wanted, slices.SortedFunc(maps.Keys(f.kept), task.ID.Compare)) {
		return
	}
	f.pause()
	maps.DeleteFunc(f.kept, func(id task.ID, _ *standby) bool { return !slices.Contains(wanted, id) })
	for _, id := range wanted {
		if f.kept[id] != nil {
			continue
		}
		s, err := w.newStandby(id)
		if err != nil {
			w.log.Warn("a standby cannot be opened", "task", id.String(), "error", err)
			continue
		}
		f.kept[id] = s
	}
	all := slices.SortedFunc(maps.Values(f.kept), func(a, b *standby) int { return a.id.Compare(b.id) })
	f.all.Store(&all)
	if err := f.resume(all); err != nil {
		w.log.Warn("standbys are not followed", "error", err)
	}
}

// possible says whether the worker's plan has such a task with something to follow. A
// leader with another version of the program may think otherwise.
func (f *follower) possible(id task.ID) bool {
	subs := f.w.plan.Subtopologies
	return id.Subtopology < len(subs) && !subs[id.Subtopology].Global && slices.ContainsFunc(subs[id.Subtopology].Stores, followed)
}

// resume begins to follow.
func (f *follower) resume(all []*standby) (err error) {
	var copies []*storeCopy
	for _, s := range all {
		copies = append(copies, s.copies...)
	}
	if len(copies) == 0 {
		return nil
	}
	if f.client == nil {
		if f.client, err = f.w.clients.follower(); err != nil {
			return err
		}
		f.restorer = newRestorer(f.client, f.w.config.ExactlyOnce)
	}
	ctx, cancel := context.WithCancel(f.w.hard)
	f.cancel, f.done = cancel, make(chan struct{})
	go func() {
		defer close(f.done)
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			f.keepUp(ctx, copies)
		}()
		f.follow(ctx, copies)
		<-kept
	}()
	return nil
}

// pause ends the following and writes where the standbys stand.
func (f *follower) pause() {
	if f.cancel == nil {
		return
	}
	f.cancel()
	<-f.done
	f.cancel = nil
}

// stop is pause for good.
func (f *follower) stop() {
	f.pause()
	f.all.Store(nil)
	if f.client != nil {
		f.client.Close()
	}
}

// regroup is how often partitions are asked for anew, so that each leader has one
// request again for all that are its.
const regroup = time.Minute

// follow follows stores until ctx ends. One that fails is left out for a while.
func (f *follower) follow(ctx context.Context, copies []*storeCopy) {
	for ctx.Err() == nil {
		until := time.Now().Add(regroup)
		var targets []restoreTarget
		var live []*storeCopy
		for _, c := range copies {
			if at := c.rests(); !at.IsZero() {
				until = firstOf(until, at)
				continue
			}
			live, targets = append(live, c), append(targets, c.target())
		}
		round, cancel := context.WithDeadline(ctx, until)
		var err error
		if len(live) > 0 {
			err = f.restorer.follow(round, targets, func(target int, s sight) { live[target].see(s) })
		} else {
			<-round.Done()
		}
		cancel()
		f.failed(ctx, live, err)
	}
}

// failed deals with the end of a round of following.
func (f *follower) failed(ctx context.Context, live []*storeCopy, err error) {
	if ctx.Err() != nil || err == nil || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	var one *targetError
	if !errors.As(err, &one) {
		f.w.log.Warn("standbys cannot be followed: it is tried again", "error", err)
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return
	}
	for _, c := range live {
		if c.plan.Changelog == one.of.topic && c.of.id.Partition == one.of.partition {
			c.fail(one.err)
		}
	}
}

func firstOf(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// keepUp writes now and then, and at the end, where the stores stand.
func (f *follower) keepUp(ctx context.Context, copies []*storeCopy) {
	tick := time.NewTicker(f.w.config.CheckpointInterval)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
		}
		err := f.keep(copies)
		if err == nil && f.unflushed && !done {
			err = f.w.dir.backend.Flush()
			f.unflushed = err != nil
		}
		if err != nil {
			f.w.log.Warn("a checkpoint of standbys failed: it is tried again", "error", err)
		}
	}
}

// keep writes where the stores stand.
func (f *follower) keep(copies []*storeCopy) error {
	for _, c := range copies {
		wrote, err := c.checkpoint()
		if err != nil {
			return err
		}
		f.unflushed = f.unflushed || wrote
	}
	return nil
}

// checkpoint writes where a store stands.
func (c *storeCopy) checkpoint() (wrote bool, err error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	b := c.store.Space().NewBatch()
	if wrote, err = c.keep(b); err != nil || !wrote {
		b.Discard()
		return false, err
	}
	return true, b.Commit()
}
