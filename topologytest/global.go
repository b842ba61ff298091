package topologytest

import (
	"context"
	"fmt"
	"slices"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// global is one global store of a worker: a task that reads all partitions of a
// topic as soon as there is something in them.
type global struct {
	w      *worker
	sub    *topology.Subtopology
	task   *task.Task
	inputs []task.Input
	// delivered is how far each partition was read.
	delivered []int64
	shared    []topology.Shared
}

// openGlobals makes the worker's global stores, empty at first.
func (w *worker) openGlobals() error {
	w.globals, w.readers = nil, map[string]func() any{}
	for _, sub := range w.d.plan.Globals() {
		g := &global{w: w, sub: sub}
		if err := g.open(); err != nil {
			return err
		}
		w.globals = append(w.globals, g)
	}
	return w.catchUp()
}

func (g *global) open() (err error) {
	w, topic := g.w, g.sub.Sources[0].Topics[0]
	for p := range w.d.topic(topic).logs {
		g.inputs = append(g.inputs, task.Input{Topic: topic, Partition: int32(p), Committed: -1, End: -1, Time: -1})
	}
	g.delivered = make([]int64, len(g.inputs))
	g.task, err = task.New(task.ID{Subtopology: g.sub.ID, Partition: -1}, g.sub, task.Config{
		Application: w.d.plan.Application, Policies: w.d.config.policies, MaxIdle: -1,
		Partitions: func(name string) (int32, error) { return int32(len(w.d.topic(name).logs)), nil },
		MaxBytes:   func(string) int { return maxBytes },
		Space:      w.directory.Space, Report: w.d.report,
	})
	if err != nil {
		return err
	}
	for i, store := range g.sub.Stores {
		space := g.task.Stores()[i].Space()
		if err := space.Clear(); err != nil {
			return err
		}
		shared, err := store.Share(space, w.d.config.cacheBytes)
		if err != nil {
			return err
		}
		g.shared = append(g.shared, shared)
		w.readers[store.Name] = shared.NewReader
	}
	return g.task.Start(context.Background(), g.inputs, w.d.now)
}

// catchUp brings the worker's global stores to where their topics end.
func (w *worker) catchUp() error {
	for _, g := range w.globals {
		if err := g.catchUp(); err != nil {
			return err
		}
	}
	return nil
}

func (g *global) catchUp() error {
	worked := false
	for i, in := range g.inputs {
		l := g.w.d.topics[in.Topic].logs[in.Partition]
		fresh := l.entries[g.delivered[i]:]
		if len(fresh) == 0 {
			continue
		}
		worked = true
		raws := make([]record.Raw, len(fresh))
		for j := range fresh {
			raws[j] = fresh[j].Raw
		}
		g.task.Enqueue(i, raws, l.end(), l.end())
		g.delivered[i] = l.end()
	}
	for n := 1; n > 0; {
		var err error
		if n, err = g.task.Process(1, g.w.d.now); err != nil {
			return err
		}
		worked = worked || n > 0
	}
	if !worked {
		return nil
	}
	return g.save()
}

// save makes what the task has done visible. Of what it has written, only dead
// letters count.
func (g *global) save() error {
	if err := g.task.Flush(func() {}); err != nil {
		return err
	}
	for _, b := range g.task.Take(nil) {
		for _, out := range b.Outputs {
			g.w.d.append(out)
		}
	}
	g.task.Committed()
	batch := g.w.backend.NewBatch()
	if err := g.task.Checkpoint(batch, make([]state.Position, len(g.shared))); err != nil {
		return err
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

// globalStores are the instances of a global store, one for each worker.
func globalStores[S any](d *Driver, name string) (stores []S, err error) {
	for _, w := range d.workers {
		for _, g := range w.globals {
			if !slices.ContainsFunc(g.sub.Stores, func(s *topology.StorePlan) bool { return s.Name == name }) {
				continue
			}
			found := g.task.Store(name)
			store, ok := found.(S)
			if !ok {
				return nil, fmt.Errorf("topologytest: store %q is a %T, not a %T", name, found, store)
			}
			stores = append(stores, store)
		}
	}
	return stores, nil
}
