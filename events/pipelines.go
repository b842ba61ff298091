package events

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidemill/tidemill/processors"
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

// Pipeline is one of several, as List tells. Topic is empty for one that begins behind
// other operators.
type Pipeline struct {
	Name, Topic string
	State       PipelineState
}

// gate is what a pipeline begins with. holding is how many tasks hold records. places
// says that held records are let go with the place that they were read from.
type gate struct {
	name, topic string
	places      bool
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
	return addGate(p.b.Stream[K, V](topic, options...), p.add(name, topic, false))
}

// Through makes what follows on a stream a pipeline. What follows sees a record that was
// held with the place (Source) that it was read from, as if it had just been read; a sink
// of package connectors does not go with that, since it would take such a record for one
// that it has written.
func (p *Pipelines) Through[K, V any](name string, s *topology.Stream[K, V]) *topology.Stream[K, V] {
	return addGate(s, p.add(name, "", true))
}

// add enters a pipeline.
func (p *Pipelines) add(name, topic string, places bool) *gate {
	g := &gate{name: name, topic: topic, places: places}
	p.mu.Lock()
	if name == "" || slices.ContainsFunc(p.gates, func(have *gate) bool { return have.name == name }) {
		p.b.Fault(fmt.Errorf("events: pipeline %q: each needs a name of its own", name))
	}
	p.gates = append(p.gates, g)
	p.mu.Unlock()
	return g
}

func addGate[K, V any](s *topology.Stream[K, V], g *gate) *topology.Stream[K, V] {
	held := topology.KeyValueStore[int64, []byte](g.name + "-held")
	return s.ProcessValues(func(c *processors.ValueContext[K, V]) (processors.ValueProcessor[K, V], error) {
		return openGate(c, g, held)
	}, topology.Named(g.name), topology.Stores(held))
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
