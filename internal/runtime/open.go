package runtime

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// opening is the making of tasks on a goroutine of its own: their offsets are
// fetched and their stores restored while the other tasks go on.
type opening struct {
	tasks  []*hosted
	cancel context.CancelFunc
	done   chan struct{}
}

// open begins to make the tasks that are wanted and do not run. If some are being
// made already, those come first.
func (w *Worker) open() {
	if w.opening != nil || w.closing {
		return
	}
	var tasks []*hosted
	for id, inputs := range w.wanted() {
		if have := w.hosted[id]; have != nil {
			if len(have.inputs) == len(inputs) {
				continue
			}
			// A topic that the pattern matches is new: the task begins again with it.
			if err := w.commitAnd(func() { w.drop([]*hosted{have}) }); err != nil {
				w.fail(err)
				return
			}
		}
		h, err := w.newHosted(id, inputs)
		if err != nil {
			w.fail(err)
			return
		}
		tasks = append(tasks, h)
	}
	if len(tasks) == 0 {
		return
	}
	slices.SortFunc(tasks, func(a, b *hosted) int { return a.id.Compare(b.id) })
	ctx, cancel := context.WithCancel(w.hard)
	o := &opening{tasks: tasks, cancel: cancel, done: make(chan struct{})}
	w.opening = o
	w.publish()
	go func() {
		err := w.makeReady(ctx, tasks)
		close(o.done)
		w.post(func() { w.opened(o, err) })
	}()
}

// opened takes over tasks that have been made.
func (w *Worker) opened(o *opening, err error) {
	if w.opening != o {
		return // given up meanwhile
	}
	o.cancel()
	w.opening = nil
	if err != nil {
		w.fail(fmt.Errorf("open tasks: %w", err))
		return
	}
	w.host(o.tasks)
	w.open()
}

// restartOpening gives up what is being made and begins again with what is wanted
// now.
func (w *Worker) restartOpening() {
	w.stopOpening()
	w.open()
}

func (w *Worker) stopOpening() {
	if o := w.opening; o != nil {
		o.cancel()
		<-o.done
		w.opening = nil
		for _, h := range o.tasks {
			w.closeTask(h)
		}
	}
}

func (w *Worker) newHosted(id task.ID, inputs []task.Input) (*hosted, error) {
	sub := w.plan.Subtopologies[id.Subtopology]
	h := &hosted{
		id: id, inputs: inputs, fetch: w.fetcher, committedOnly: w.config.ExactlyOnce, limit: 2 * w.config.BufferedBytes,
		since: time.Now(), buffered: make([]int, len(inputs)), paused: make([]bool, len(inputs)), received: make([]int, len(inputs)),
		changelogs: make([]state.Position, len(sub.Stores)),
	}
	var err error
	h.task, err = task.New(id, sub, task.Config{
		Application: w.plan.Application, Policies: w.config.Policies, MaxIdle: w.config.MaxTaskIdle.Milliseconds(), MaxStall: maxStall,
		Partitions: w.limits.partitions, MaxBytes: w.limits.maxBytes, Space: w.dir.space, CacheBytes: w.config.CacheBytes,
		Global: w.globals.readers, MaxDrain: w.maxDrain().Milliseconds(), ExactlyOnce: w.config.ExactlyOnce,
		NewBatch: w.emitter.batch, Recycle: w.fetcher.recycle, Report: w.report,
	})
	h.calls = newCalls(w.hard, &w.calling, func() { h.lane.wakeUp() })
	return h, err
}

// makeReady fetches offsets, restores stores and assembles processors. The order
// matters: offsets are stable when they have been fetched, which they are not
// before the last transaction on them has ended, and only then is it known how
// far the changelogs have to be read.
func (w *Worker) makeReady(ctx context.Context, tasks []*hosted) error {
	if err := w.checkGrowth(ctx, w.restorer.client, tasks); err != nil {
		return err
	}
	if err := w.fetchPositions(ctx, tasks); err != nil {
		return err
	}
	if err := w.restore(ctx, tasks); err != nil {
		return err
	}
	for _, h := range tasks {
		if err := h.task.Start(w.hard, h.inputs, time.Now().UnixMilli()); err != nil {
			return err
		}
	}
	return nil
}

// fetchPositions finds where each input begins and ends.
func (w *Worker) fetchPositions(ctx context.Context, tasks []*hosted) error {
	partitions := map[string][]int32{}
	var topics []string
	for _, h := range tasks {
		for _, in := range h.inputs {
			if partitions[in.Topic] == nil {
				topics = append(topics, in.Topic)
			}
			partitions[in.Topic] = append(partitions[in.Topic], in.Partition)
		}
	}
	offsets, err := fetchOffsets(ctx, w.restorer.client, w.plan.Application, partitions)
	if err != nil {
		return err
	}
	admin := kadm.NewClient(w.restorer.client)
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list offsets: %w", withHint(err))
	}
	list := admin.ListEndOffsets
	if w.config.ExactlyOnce {
		list = admin.ListCommittedOffsets
	}
	ends, err := list(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list offsets: %w", withHint(err))
	}
	for _, h := range tasks {
		sources := w.plan.Subtopologies[h.id.Subtopology].Sources
		for i := range h.inputs {
			in := &h.inputs[i]
			found := offsets[in.Topic][in.Partition]
			meta := decodeOffsetMetadata(found.metadata)
			in.Committed, in.Offset, in.Time, in.Progress = found.offset, found.offset, meta.time, meta.progress
			start, _ := starts.Lookup(in.Topic, in.Partition)
			end, _ := ends.Lookup(in.Topic, in.Partition)
			if start.Err != nil || end.Err != nil {
				return fmt.Errorf("list offsets of topic %q, partition %d: %w", in.Topic, in.Partition, cmpErr(start.Err, end.Err))
			}
			in.First = start.Offset
			if in.End = end.Offset; in.Offset >= 0 && in.Offset >= start.Offset {
				continue
			}
			if in.Offset >= 0 {
				w.log.Warn("records were deleted before they were read", "topic", in.Topic, "partition", in.Partition, "committed", in.Offset, "start", start.Offset)
			}
			if in.Offset = start.Offset; found.offset < 0 && sources[in.Source].FromLatest {
				in.Offset = end.Offset
			}
		}
	}
	return nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// restore brings the stores of tasks to where their changelogs stand.
func (w *Worker) restore(ctx context.Context, tasks []*hosted) error {
	var targets []restoreTarget
	var marks []*mark
	var finish []func(restored) error
	began := time.Now()
	records := make([]int64, len(tasks))
	for t, h := range tasks {
		for i, store := range w.plan.Subtopologies[h.id.Subtopology].Stores {
			if store.Changelog == "" && h.inputOf(store) == nil {
				continue
			}
			target, err := storeTarget(h, i, store)
			if err != nil {
				return err
			}
			targets = append(targets, target)
			marks = append(marks, &mark{of: &h.restoring})
			h.restoring.began.Store(began.UnixMilli())
			space := h.task.Stores()[i].Space()
			finish = append(finish, func(r restored) error {
				h.changelogs[i] = state.Position{Offset: target.upTo(r.next), TopicID: r.topicID, At: time.Now().UnixMilli()}
				records[t] += r.records
				b := space.NewBatch()
				space.SetPosition(b, h.changelogs[i])
				return b.Commit()
			})
		}
	}
	if len(targets) == 0 {
		return nil
	}
	done, err := w.restorer.restore(ctx, targets, func(target int, position, end int64) { marks[target].reach(position, end) })
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for i, r := range done {
		if err := finish[i](r); err != nil {
			return err
		}
	}
	for t, h := range tasks {
		if len(h.task.Stores()) == 0 {
			continue
		}
		w.observe(Event{Kind: TaskRestored, Task: h.id.String(), Records: records[t], Took: time.Since(began)})
	}
	return nil
}

// positionAge is how old local state may be to be gone on with. The changelog of
// older state may have lost the tombstones of keys that the state still has, which
// compaction drops a day after they were written (delete.retention.ms).
const positionAge = 12 * time.Hour

// storeTarget says what to restore for one store of a task, and how.
func storeTarget(h *hosted, i int, plan *topology.StorePlan) (restoreTarget, error) {
	space := h.task.Stores()[i].Space()
	at, ok, err := goneOnWith(space)
	if err != nil {
		return restoreTarget{}, err
	}
	target := restoreTarget{topic: plan.Changelog, partition: h.id.Partition, from: -1, windowed: plan.Windowed, reset: space.Clear}
	if in := h.inputOf(plan); in != nil {
		target.topic, target.limited, target.limit = in.Topic, true, in.Offset
	}
	if ok {
		target.from, target.topicID = at.Offset, at.TopicID
	}
	target.apply = func(records []*kgo.Record) error {
		if records = target.cut(records); len(records) == 0 {
			return nil
		}
		b := space.NewBatch()
		if err := replayInto(h.task, i, b, records); err != nil {
			return err
		}
		space.SetPosition(b, state.Position{Offset: records[len(records)-1].Offset + 1, TopicID: target.topicID, At: time.Now().UnixMilli()})
		return b.Commit()
	}
	return target, nil
}
