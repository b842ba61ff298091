package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// maxAnswer bounds the bytes of an answer, maxLooked the rows that are looked at for it.
const (
	maxAnswer = 4 << 20
	maxLooked = 1_000_000
)

// behindTick is how often a query looks whether the task has come to where it should.
const behindTick = 5 * time.Millisecond

// Query reads rows of the stores of the worker's own tasks, on their lanes, and of its
// standbys if the request allows it.
func (w *Worker) Query(ctx context.Context, r query.Request) (query.Answer, error) {
	sub, number, err := w.findStore(r.Store)
	if err != nil {
		return query.Answer{}, err
	}
	if r.Limit = cmp.Or(r.Limit, query.DefaultLimit); r.Limit < 0 || r.Limit > query.MaxLimit {
		return query.Answer{}, fmt.Errorf("query: the limit is %d: give 1 to %d", r.Limit, query.MaxLimit)
	}
	v := w.view.Load()
	if v == nil || w.counts.stopped.Load() {
		return query.Answer{}, query.ErrStopped
	}
	if sub.Global {
		return w.askGlobal(sub, number, r)
	}
	tasks, err := w.asked(v, sub, r)
	var copies []*storeCopy
	if r.Stale && len(r.After) == 0 {
		copies, err = w.copiesFor(sub, number, r, tasks, err)
	}
	var elsewhere *query.ElsewhereError
	if errors.As(err, &elsewhere) {
		err = w.elsewhere(ctx, sub.ID, elsewhere, r.Stale)
	}
	if err != nil {
		return query.Answer{}, err
	}
	var out query.Answer
	for _, h := range tasks {
		if err := w.read(ctx, h, number, r, &out); err != nil {
			return query.Answer{}, err
		}
	}
	for _, c := range copies {
		if err := w.readCopy(ctx, c, r, &out); err != nil {
			return query.Answer{}, err
		}
	}
	return out, nil
}

// findStore is the subtopology of a store and the store's number in it.
func (w *Worker) findStore(name string) (*topology.Subtopology, int, error) {
	var names []string
	for _, sub := range w.plan.Subtopologies {
		for i, store := range sub.Stores {
			if store.Name == name && store.Rows() != nil {
				return sub, i, nil
			}
			if store.Rows() != nil {
				names = append(names, store.Name)
			}
		}
	}
	return nil, 0, fmt.Errorf("query: store %q: %w: there are %q", name, query.ErrNoStore, names)
}

// asked are the tasks to ask.
func (w *Worker) asked(v *view, sub *topology.Subtopology, r query.Request) ([]*hosted, error) {
	partition, err := w.partitionOf(sub, r)
	if err != nil {
		return nil, err
	}
	if partition >= 0 {
		h, opening := v.hostedBy(task.ID{Subtopology: sub.ID, Partition: partition})
		switch {
		case h != nil:
			return []*hosted{h}, nil
		case opening:
			return nil, query.ErrRestoring
		}
		return nil, &query.ElsewhereError{Store: r.Store, Partition: partition}
	}
	of := func(h *hosted) bool { return h.id.Subtopology == sub.ID }
	var tasks []*hosted
	for _, h := range v.running {
		if of(h) {
			tasks = append(tasks, h)
		}
	}
	if slices.ContainsFunc(v.opening, of) {
		return tasks, query.ErrRestoring
	}
	return tasks, nil
}

// partitionOf is the one partition that a request is for, or below 0 for all.
func (w *Worker) partitionOf(sub *topology.Subtopology, r query.Request) (int32, error) {
	if r.Partition >= 0 || r.Key == nil {
		return r.Partition, nil
	}
	n, err := w.tasksOf(sub)
	if err != nil {
		return 0, err
	}
	return record.PartitionOf(r.Key, n), nil
}

// tasksOf is how many tasks a subtopology has.
func (w *Worker) tasksOf(sub *topology.Subtopology) (n int32, err error) {
	for _, source := range sub.Sources {
		for _, topic := range source.Topics {
			one, err := w.limits.partitions(topic)
			if err != nil {
				return 0, err
			}
			n = max(n, one)
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("query: subtopology %d reads topics by pattern: give the partition to ask", sub.ID)
	}
	return n, nil
}

// read adds the rows of one task to an answer, when the task has come far enough.
func (w *Worker) read(ctx context.Context, h *hosted, number int, r query.Request, out *query.Answer) error {
	if err := w.awaitPositions(ctx, h, r.After); err != nil {
		return err
	}
	err := w.ask(ctx, h, func() error {
		store, ok := h.task.Stores()[number].(state.RowReader)
		if !ok {
			return query.ErrNoStore
		}
		for _, p := range h.task.At() {
			out.At = append(out.At, query.Position{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset})
		}
		return collect(ctx, store, r, h.id.Partition, out)
	})
	if errors.Is(err, ErrMoved) {
		return query.ErrRebalancing
	}
	if errors.Is(err, ErrStopped) {
		return query.ErrStopped
	}
	return err
}

// awaitPositions returns when a task has processed everything before the positions that
// are of its inputs.
func (w *Worker) awaitPositions(ctx context.Context, h *hosted, after []query.Position) error {
	if len(after) == 0 {
		return nil
	}
	tick := time.NewTicker(behindTick)
	defer tick.Stop()
	for {
		behind := false
		err := w.ask(ctx, h, func() error {
			for _, p := range after {
				reached, known := h.task.Reached(p.Topic, p.Partition, p.Offset)
				behind = behind || known && !reached
			}
			return nil
		})
		if err != nil || !behind {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return query.ErrBehind
		}
	}
}

// collect reads rows until the answer is full.
func collect(ctx context.Context, store state.RowReader, r query.Request, partition int32, out *query.Answer) error {
	q := state.Query{Key: r.Key, From: r.From, To: r.To, Since: r.Since, Until: r.Until}
	if q.Until == 0 {
		q.Until = math.MaxInt64
	}
	bytes, looked := 0, 0
	q.Looked = func() bool {
		looked++
		out.Truncated = out.Truncated || looked > maxLooked
		return looked <= maxLooked && (looked%1024 != 0 || ctx.Err() == nil)
	}
	err := store.Rows(q, func(row state.RawRow) bool {
		if len(out.Rows) >= r.Limit || bytes > maxAnswer {
			out.Truncated = true
			return false
		}
		bytes += len(row.Key) + len(row.Value)
		out.Rows = append(out.Rows, query.Row{Key: row.Key, Value: row.Value, Timestamp: row.Timestamp, Start: row.Start, End: row.End, Partition: partition})
		return true
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// askGlobal reads a store that is whole in every worker.
func (w *Worker) askGlobal(sub *topology.Subtopology, number int, r query.Request) (out query.Answer, err error) {
	for _, g := range w.globals.all {
		if g.sub != sub {
			continue
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		store, ok := g.task.Stores()[number].(state.RowReader)
		if !ok {
			return out, query.ErrNoStore
		}
		for p, at := range g.positions {
			out.At = append(out.At, query.Position{Topic: g.topic, Partition: int32(p), Offset: at.Offset})
		}
		err = guarded(func() error { return collect(context.Background(), store, r, -1, &out) })
	}
	return out, err
}

// Serdes are those of a store.
func (w *Worker) Serdes(store string) (key, value any, err error) {
	sub, number, err := w.findStore(store)
	if err != nil {
		return nil, nil, err
	}
	rows := sub.Stores[number].Rows()
	return rows.Key, rows.Value, nil
}
