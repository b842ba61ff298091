package processors

import (
	"time"

	"github.com/tidemill/tidemill/record"
)

// ValueProcessor handles the records of one task, one at a time and in order, and
// leaves their keys as they are. It may implement Closer.
type ValueProcessor[K, V any] interface {
	Process(r record.Fixed[K, V]) error
}

// ValueFunc is a function used as a ValueProcessor.
type ValueFunc[K, V any] func(record.Fixed[K, V]) error

// Process calls the function.
func (f ValueFunc[K, V]) Process(r record.Fixed[K, V]) error { return f(r) }

// ValueSupplier makes the value processor of one task. See Supplier.
type ValueSupplier[K, V, V2 any] func(*ValueContext[K, V2]) (ValueProcessor[K, V], error)

// ValueContext is the Context of a processor that cannot change keys.
type ValueContext[K, V any] struct {
	*Task
	context *Context[K, V]
}

// Forward gives a record to every child in the order in which they were added to
// the topology, each through to the end before the next.
func (c *ValueContext[K, V]) Forward(r record.Fixed[K, V]) error {
	return c.context.Forward(r.Record())
}

// ForwardTo gives a record to the child with this name only.
func (c *ValueContext[K, V]) ForwardTo(name string, r record.Fixed[K, V]) error {
	return c.context.ForwardTo(name, r.Record())
}

// Node is the name of the processor's node in the topology.
func (c *ValueContext[K, V]) Node() string { return c.context.Node() }

// Schedule calls f at every interval of the given clock. See Context.Schedule.
func (c *ValueContext[K, V]) Schedule(interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error) {
	return c.context.Schedule(interval, kind, f)
}

// ScheduleFrom calls f at a time and at every interval behind it. See
// Context.ScheduleFrom.
func (c *ValueContext[K, V]) ScheduleFrom(start time.Time, interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error) {
	return c.context.ScheduleFrom(start, interval, kind, f)
}

// Values runs what a value supplier makes.
func Values[K, V, V2 any](supplier ValueSupplier[K, V, V2]) Supplier[K, V, K, V2] {
	return func(c *Context[K, V2]) (Processor[K, V], error) {
		p, err := supplier(&ValueContext[K, V2]{Task: c.Task, context: c})
		if err != nil {
			return nil, err
		}
		run := Func[K, V](func(r record.Record[K, V]) error { return p.Process(record.Fix(r)) })
		if closer, ok := p.(Closer); ok {
			return closable[K, V]{run, closer}, nil
		}
		return run, nil
	}
}

// closable is a processor with something to close.
type closable[K, V any] struct {
	Func[K, V]
	Closer
}
