package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/status"
	"github.com/tidemill/tidemill/topology"
)

// globals are the stores that are whole in every worker.
type globals struct {
	// partitions is the number of partitions of each topic.
	partitions map[string]int32
	// readers make the readers of each store for one task.
	readers map[string]func() any
	all     []*global
	client  *kgo.Client
	letters *kgo.Client
	cancel  context.CancelFunc
	done    chan struct{}
}

// global is one subtopology of a global store: a task that reads all partitions of
// a topic, and whose stores others read. One goroutine at a time runs it.
type global struct {
	w      *Worker
	sub    *topology.Subtopology
	topic  string
	task   *task.Task
	shared []topology.Shared

	mu        sync.Mutex
	positions []state.Position // by partition
	spaces    []state.Space    // where the positions are kept
	pending   int              // records since the last save
}

// status is where the global stores stand.
func (gs *globals) status() []status.Global {
	var out []status.Global
	for _, g := range gs.all {
		one := status.Global{Topic: g.topic, Restored: true}
		g.mu.Lock()
		for _, at := range g.positions {
			one.Positions = append(one.Positions, at.Offset)
		}
		g.mu.Unlock()
		out = append(out, one)
	}
	return out
}

// openGlobals brings the global stores to where their topics end.
func (w *Worker) openGlobals(ctx context.Context) error {
	w.globals.readers = map[string]func() any{}
	for _, sub := range w.plan.Globals() {
		g := &global{w: w, sub: sub, topic: sub.Sources[0].Topics[0]}
		if err := g.open(); err != nil {
			return err
		}
		if err := g.bootstrap(ctx); err != nil {
			return fmt.Errorf("global table of topic %q: %w", g.topic, err)
		}
		w.globals.all = append(w.globals.all, g)
	}
	return nil
}

// open makes the task and finds out how far the local state goes.
func (g *global) open() error {
	partitions := g.w.globals.partitions[g.topic]
	inputs := make([]task.Input, partitions)
	g.positions, g.spaces = make([]state.Position, partitions), make([]state.Space, partitions)
	for p := range partitions {
		space, err := g.w.dir.space("global/"+g.topic, p)
		if err != nil {
			return err
		}
		at, ok, err := space.Position()
		if err != nil {
			return err
		}
		if !ok || time.Since(time.UnixMilli(at.At)) > positionAge {
			at = state.Position{Offset: -1}
		}
		g.spaces[p], g.positions[p] = space, at
		inputs[p] = task.Input{Topic: g.topic, Partition: p, Committed: -1, End: -1, Time: -1}
	}
	t, err := task.New(task.ID{Subtopology: g.sub.ID, Partition: -1}, g.sub, task.Config{
		Application: g.w.plan.Application, Policies: g.w.config.Policies, MaxIdle: -1,
		Partitions: g.w.limits.partitions, MaxBytes: g.w.limits.maxBytes, Space: g.w.dir.space, Report: g.w.report,
	})
	if err != nil {
		return err
	}
	g.task = t
	if err := g.startOver(false); err != nil {
		return err
	}
	if err := g.share(); err != nil {
		return err
	}
	return t.Start(g.w.hard, inputs, time.Now().UnixMilli())
}

// share makes the stores readable for the other tasks.
func (g *global) share() error {
	for i, store := range g.sub.Stores {
		shared, err := store.Share(g.task.Stores()[i].Space(), g.w.config.CacheBytes/4)
		if err != nil {
			return err
		}
		g.shared = append(g.shared, shared)
		g.w.globals.readers[store.Name] = shared.NewReader
	}
	return nil
}

// startOver forgets local state that is not of all partitions, or all of it: rows
// do not tell which partition they are from.
func (g *global) startOver(all bool) error {
	for _, at := range g.positions {
		all = all || at.Offset < 0
	}
	if !all {
		return nil
	}
	for p := range g.positions {
		g.positions[p] = state.Position{Offset: -1}
	}
	for _, store := range g.task.Stores() {
		if err := store.Space().Clear(); err != nil {
			return err
		}
	}
	return nil
}

// errStartOver is why a bootstrap begins again: local state does not go with what
// is in the topic now.
var errStartOver = errors.New("the local state of a global table cannot be continued")

// bootstrap reads all that the topic holds.
func (g *global) bootstrap(ctx context.Context) error {
	began := time.Now()
	var records int64
	for {
		done, err := g.w.restorer.restore(ctx, g.targets(), nil)
		if errors.Is(err, errStartOver) {
			if err := g.startOver(true); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for p, r := range done {
			g.positions[p] = state.Position{Offset: r.next, TopicID: r.topicID}
			records += r.records
		}
		break
	}
	if err := g.save(); err != nil {
		return err
	}
	g.w.observe(Event{Kind: TaskRestored, Task: "global " + g.topic, Records: records, Took: time.Since(began)})
	return nil
}

// saveEvery is how many records are processed before the rows that they made are
// written and seen by the readers.
const saveEvery = 10_000

func (g *global) targets() []restoreTarget {
	targets := make([]restoreTarget, len(g.positions))
	for p, at := range g.positions {
		targets[p] = restoreTarget{
			topic: g.topic, partition: int32(p), from: at.Offset, topicID: at.TopicID,
			reset: func() error { return errStartOver },
			apply: func(records []*kgo.Record) error { return g.apply(int32(p), records) },
		}
	}
	return targets
}

// apply runs records of one partition through the task.
func (g *global) apply(partition int32, records []*kgo.Record) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	raws, _ := g.w.fetcher.convert(records)
	next := records[len(records)-1].Offset + 1
	g.task.Enqueue(int(partition), raws, next, next)
	for {
		n, err := g.task.Process(len(records), time.Now().UnixMilli())
		if err != nil {
			return err
		}
		if n == 0 && g.task.Blocked() <= time.Now().UnixMilli() {
			break
		}
		if n == 0 {
			if err := g.wait(); err != nil {
				return err
			}
		}
	}
	g.positions[partition].Offset = next
	if g.pending += len(records); g.pending < saveEvery {
		return nil
	}
	return g.save()
}

// wait holds until a record may be tried again.
func (g *global) wait() error {
	timer := time.NewTimer(time.Until(time.UnixMilli(g.task.Blocked())))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-g.w.hard.Done():
		return context.Cause(g.w.hard)
	}
}

// save writes what the task has done, together with the positions, and lets the
// readers see it.
func (g *global) save() error {
	g.pending = 0
	if err := g.task.Flush(func() {}); err != nil {
		return err
	}
	if err := g.w.globals.write(g.w, g.task.Take(nil)); err != nil {
		return err
	}
	g.task.Committed()
	batch := g.w.dir.backend.NewBatch()
	if err := g.task.Checkpoint(batch, make([]state.Position, len(g.shared))); err != nil {
		batch.Discard()
		return err
	}
	for p, at := range g.positions {
		at.At = time.Now().UnixMilli()
		g.spaces[p].SetPosition(batch, at)
	}
	if err := batch.Commit(); err != nil {
		return err
	}
	for i, store := range g.task.Stores() {
		if s, ok := store.(interface {
			Checkpointing(yield func(key string) bool)
		}); ok {
			g.shared[i].Changed(s.Checkpointing)
		}
	}
	g.task.Checkpointed()
	return nil
}

// write writes dead letters: what else the processor of a global store forwards goes
// nowhere.
func (gs *globals) write(w *Worker, batches []*record.Batch) (err error) {
	if len(batches) == 0 {
		return nil
	}
	if gs.letters == nil {
		if gs.letters, err = w.clients.letters(); err != nil {
			return err
		}
	}
	var records []*kgo.Record
	for _, b := range batches {
		for _, out := range b.Outputs {
			r := &kgo.Record{
				Topic: out.Topic, Key: out.Key, Value: out.Value, Headers: clientHeaders(out.Headers),
				Timestamp: time.UnixMilli(out.Timestamp), Partition: -1, Offset: noHash,
			}
			if out.PartitionKey != nil {
				r.Offset = int64(record.Murmur2(out.PartitionKey) & 0x7fffffff)
			}
			records = append(records, r)
		}
	}
	return gs.letters.ProduceSync(w.hard, records...).FirstErr()
}

// followGlobals keeps the global stores up to date until they are stopped.
func (w *Worker) followGlobals() {
	gs := &w.globals
	if len(gs.all) == 0 {
		return
	}
	client, err := w.clients.global()
	if err != nil {
		w.fail(err)
		return
	}
	offsets := map[string]map[int32]kgo.Offset{}
	byTopic := map[string]*global{}
	for _, g := range gs.all {
		offsets[g.topic], byTopic[g.topic] = map[int32]kgo.Offset{}, g
		for p, at := range g.positions {
			offsets[g.topic][int32(p)] = kgo.NewOffset().At(at.Offset)
		}
	}
	client.AddConsumePartitions(offsets)
	ctx, cancel := context.WithCancel(w.hard)
	gs.client, gs.cancel, gs.done = client, cancel, make(chan struct{})
	go func() {
		defer close(gs.done)
		for ctx.Err() == nil {
			if err := w.followOnce(ctx, byTopic); err != nil && ctx.Err() == nil {
				w.fail(&globalError{err})
				return
			}
		}
	}()
}

// followOnce applies what one poll brings.
func (w *Worker) followOnce(ctx context.Context, byTopic map[string]*global) (err error) {
	fetches := w.globals.client.PollRecords(ctx, maxPoll)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		switch {
		case err != nil:
		case p.Err != nil && !errors.Is(p.Err, context.Canceled) && !kgoRetries(p.Err):
			err = &fetchError{topic: p.Topic, partition: p.Partition, err: p.Err}
		case len(p.Records) > 0:
			err = byTopic[p.Topic].apply(p.Partition, p.Records)
		}
	})
	for _, g := range byTopic {
		if err == nil && g.pending > 0 {
			err = g.save()
		}
	}
	return err
}

// globalError is a failure of a global store, which no going back mends.
type globalError struct{ err error }

func (e *globalError) Error() string { return "global table: " + e.err.Error() }
func (e *globalError) Unwrap() error { return e.err }

// stop ends the following and closes the tasks.
func (gs *globals) stop() {
	if gs.cancel != nil {
		gs.cancel()
		<-gs.done
		gs.client.Close()
	}
	if gs.letters != nil {
		gs.letters.Close()
	}
	for _, g := range gs.all {
		_ = g.task.Close()
	}
}
