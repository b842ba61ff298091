package topology

import (
	"context"
	"slices"
	"time"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Sink writes the stream to a system outside of Kafka and ends it. What a record adds
// there is written once, since the sink keeps its position together with the data; see
// package connectors for what that holds for. Records of a task are written in order,
// in batches. While the target does not answer, the task waits and nothing of it is
// committed.
func (s *Stream[K, V]) Sink(sink connectors.Sink[K, V], options ...OperatorOption) {
	name := s.name(options, "KSTREAM-SINK-")
	s.b.outside(name, sink.Name(), sink.Err())
	n := then(s.flow, name, nil, outside(sink))
	n.calls = &outsideRules
}

// outside notes a sink. Two of one name would overwrite each other's positions.
func (b *Builder) outside(node, sink string, err error) {
	if err != nil {
		b.fault("node %q: %w", node, err)
	}
	for _, other := range b.outsides {
		if other == sink {
			b.fault("node %q: there is another sink named %q: their positions would overwrite each other", node, sink)
		}
	}
	b.outsides = append(b.outsides, sink)
}

// outsideRules are those of writes: one is made while another waits, each after the one
// before.
var outsideRules = processors.CallRules{Concurrency: 2, Timeout: 10 * time.Second, Backoff: 50 * time.Millisecond, Patient: true}

// openPatience is how long the opening of a target may take.
const openPatience = 10 * time.Second

func outside[K, V any](sink connectors.Sink[K, V]) processors.Supplier[K, V, K, V] {
	return func(c *processors.Context[K, V]) (processors.Processor[K, V], error) {
		w := &outsideTask{task: c.Task, node: int32(slices.Index(c.Names, c.Node())), line: c.OpenLine(outsideRules)}
		ctx, cancel := context.WithTimeout(c.Context(), openPatience)
		defer cancel()
		inputs := w.inputs()
		open, err := sink.Open(ctx, connectors.Task{Application: c.Application, Sink: sink.Name(), Partition: c.Partition}, inputs)
		if err != nil {
			return nil, err
		}
		w.rewind(inputs)
		w.batches = open.Batches
		c.AddOutside(w)
		return &outsideSink[K, V]{outsideTask: w, add: open.Add}, nil
	}
}

type outsideSink[K, V any] struct {
	*outsideTask
	add func(record.Record[K, V]) error
}

func (s *outsideSink[K, V]) Process(r record.Record[K, V]) error {
	if s.batches.Skip(s.task.Source) {
		return nil
	}
	return s.add(r)
}

// outsideTask is the part of a sink that does not depend on its types. It is a
// processors.Outside.
type outsideTask struct {
	task    *processors.Task
	node    int32
	line    int
	batches connectors.Batches
}

// inputs are where the task begins, as the sink sees it.
func (o *outsideTask) inputs() []connectors.Input {
	var inputs []connectors.Input
	for _, s := range o.task.Starts {
		inputs = append(inputs, connectors.Input{Topic: s.Topic, Next: s.Next, Committed: s.Committed, First: s.First, End: s.End, Fixed: o.task.Stateful})
	}
	return inputs
}

// rewind has the task begin where the sink says.
func (o *outsideTask) rewind(inputs []connectors.Input) {
	for i, in := range inputs {
		o.task.Starts[i].Next = min(o.task.Starts[i].Next, in.Next)
	}
}

func (o *outsideTask) Keep(source record.Metadata, raw *record.Raw) { o.batches.Keep(source, raw) }
func (o *outsideTask) Forget()                                      { o.batches.Forget() }
func (o *outsideTask) Begun() bool                                  { return o.batches.Begun() }
func (o *outsideTask) Full() bool                                   { return o.batches.Full() }
func (o *outsideTask) Committed()                                   { o.batches.Committed() }

func (o *outsideTask) Cut(at []processors.At) {
	positions := make([]connectors.Position, len(at))
	for i, a := range at {
		positions[i] = connectors.Position(a)
	}
	if write := o.batches.Cut(positions); write != nil {
		(*processors.Owner)(o.task).Enter(o.node)
		o.task.Ask(o.line, 0, true, write)
	}
}

// Close implements processors.Closer.
func (o *outsideTask) Close() error { return o.batches.Close() }
