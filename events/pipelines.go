package events

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Pipelines are parts of one topology that can be stopped and started by their names
// while a worker runs. The methods Start, Stop and List are safe for concurrent use.
//
// A stopped pipeline holds its input in a store of its own, with a changelog, so
// nothing is lost, whatever happens meanwhile, and other pipelines go on. When it is
// started, what it has held goes first, in its order. Stopping is a matter of this
// worker: other workers are told by their own Pipelines, and one that starts anew has
// all pipelines running.
type Pipelines struct {
	b     *topology.Builder
	mu    sync.Mutex
	gates []*gate
}

// PipelineState is what a pipeline does.
type PipelineState string

// The states of a pipeline.
const (
	Running PipelineState = "running"
	Stopped PipelineState = "stopped"
	// CatchingUp says that a pipeline was started and still has held records before it.
	CatchingUp PipelineState = "catching up"
)

// Pipeline is one of several, as List tells.
type Pipeline struct {
	Name, Topic string
	State       PipelineState
}

// gate is what a pipeline begins with. holding is how many tasks hold records.
type gate struct {
	name, topic string
	stopped     atomic.Bool
	holding     atomic.Int64
}

// ErrNoPipeline says that there is no pipeline of a name.
var ErrNoPipeline = errors.New("there is no such pipeline")

// NewPipelines returns an empty set of pipelines of a topology.
func NewPipelines(b *topology.Builder) *Pipelines { return &Pipelines{b: b} }

// Define begins a pipeline that reads a topic. What follows is said with the operators
// of the stream.
func (p *Pipelines) Define[K, V any](name, topic string, options ...topology.SourceOption) *topology.Stream[K, V] {
	g := &gate{name: name, topic: topic}
	p.mu.Lock()
	if name == "" || slices.ContainsFunc(p.gates, func(have *gate) bool { return have.name == name }) {
		p.b.Fault(fmt.Errorf("events: pipeline %q: each needs a name of its own", name))
	}
	p.gates = append(p.gates, g)
	p.mu.Unlock()
	held := topology.KeyValueStore[int64, []byte](name + "-held")
	return p.b.Stream[K, V](topic, options...).
		ProcessValues(func(c *processors.ValueContext[K, V]) (processors.ValueProcessor[K, V], error) {
			return openGate(c, g, held)
		}, topology.Named(name), topology.Stores(held))
}

// Stop has a pipeline hold its input from the next record on.
func (p *Pipelines) Stop(name string) error { return p.set(name, true) }

// Start has a pipeline go on.
func (p *Pipelines) Start(name string) error { return p.set(name, false) }

func (p *Pipelines) set(name string, stopped bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.gates {
		if g.name == name {
			g.stopped.Store(stopped)
			return nil
		}
	}
	return fmt.Errorf("%w: %q", ErrNoPipeline, name)
}

// List is all pipelines in the order in which they were defined.
func (p *Pipelines) List() []Pipeline {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Pipeline
	for _, g := range p.gates {
		one := Pipeline{g.name, g.topic, Running}
		switch {
		case g.stopped.Load():
			one.State = Stopped
		case g.holding.Load() > 0:
			one.State = CatchingUp
		}
		out = append(out, one)
	}
	return out
}

// How often a gate looks whether it may let go of what it holds, and of how much then.
const (
	gateInterval = 100 * time.Millisecond
	gateRun      = 10_000
)

// gateway is a gate in one task.
type gateway[K, V any] struct {
	c    *processors.ValueContext[K, V]
	gate *gate
	// held are records by their offsets in the topic. holding says that there may be
	// some.
	held    *state.KeyValue[int64, []byte]
	holding bool
	key     serde.Serde[K]
	value   serde.Serde[V]
}

// heldRecord is a record that waits.
type heldRecord struct {
	Key, Value []byte
	Null, Gone bool
	Timestamp  int64
	Headers    record.Headers
}

var heldSerde = serde.JSON[heldRecord]()

func openGate[K, V any](c *processors.ValueContext[K, V], g *gate, ref topology.Store[*state.KeyValue[int64, []byte]]) (*gateway[K, V], error) {
	w := &gateway[K, V]{c: c, gate: g}
	var errs [4]error
	w.held, errs[0] = ref.In(c.Task)
	w.key, errs[1] = serde.Of[K]()
	w.value, errs[2] = serde.Of[V]()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	w.hold(true)
	_, err := c.Schedule(gateInterval, processors.WallClockTime, w.release)
	return w, err
}

// hold notes whether records may be held.
func (w *gateway[K, V]) hold(holding bool) {
	if holding != w.holding {
		w.holding = holding
		w.gate.holding.Add(map[bool]int64{true: 1, false: -1}[holding])
	}
}

// Close implements processors.Closer.
func (w *gateway[K, V]) Close() error {
	w.hold(false)
	return nil
}

// Process passes a record on, or holds it.
func (w *gateway[K, V]) Process(r record.Fixed[K, V]) (err error) {
	if err := w.release(0); err != nil {
		return err
	}
	if !w.holding && !w.gate.stopped.Load() {
		return w.c.Forward(r)
	}
	one := heldRecord{Null: r.NullKey(), Gone: r.Tombstone, Timestamp: r.Timestamp, Headers: r.Headers}
	if !one.Null {
		one.Key, err = w.key.Append([]byte{}, r.Key())
	}
	if err == nil && !one.Gone {
		one.Value, err = w.value.Append([]byte{}, r.Value)
	}
	if err != nil {
		return fmt.Errorf("events: pipeline %q: hold a record: %w", w.gate.name, err)
	}
	data, err := heldSerde.Append(nil, one)
	if err != nil {
		return err
	}
	w.hold(true)
	return w.held.Put(w.c.Source.Offset, data)
}

// release lets go of held records, if the pipeline runs.
func (w *gateway[K, V]) release(int64) error {
	if w.gate.stopped.Load() || !w.holding {
		return nil
	}
	var run []state.Item[int64, []byte]
	for row, err := range w.held.All() {
		if err != nil {
			return err
		}
		if run = append(run, row); len(run) == gateRun {
			break
		}
	}
	for _, row := range run {
		if err := w.letGo(row); err != nil {
			return err
		}
	}
	if len(run) < gateRun {
		w.hold(false)
	}
	return nil
}

func (w *gateway[K, V]) letGo(row state.Item[int64, []byte]) error {
	one, err := heldSerde.Decode(row.Value)
	if err != nil {
		return err
	}
	r := record.Record[K, V]{NullKey: one.Null, Tombstone: one.Gone, Timestamp: one.Timestamp, Headers: one.Headers}
	if !one.Null {
		r.Key, err = w.key.Decode(one.Key)
	}
	if err == nil && !one.Gone {
		r.Value, err = w.value.Decode(one.Value)
	}
	if err != nil {
		return fmt.Errorf("events: pipeline %q: a held record: %w", w.gate.name, err)
	}
	if _, _, err := w.held.Delete(row.Key); err != nil {
		return err
	}
	return w.c.Forward(record.Fix(r))
}
