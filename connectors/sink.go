package connectors

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// Sink is where a stream ends outside of Kafka. To makes one.
type Sink[K, V any] struct {
	name string
	err  error
	open func(ctx context.Context, t Task, inputs []Input) (*Writer[K, V], error)
}

// Name is the name of the sink, under which its positions are kept in the target.
func (s Sink[K, V]) Name() string { return s.name }

// Err is what is wrong with the sink, or nil.
func (s Sink[K, V]) Err() error { return s.err }

// Open opens the sink for a task, which rewinds its inputs if the sink says so. The
// topology does it.
func (s Sink[K, V]) Open(ctx context.Context, t Task, inputs []Input) (*Writer[K, V], error) {
	return s.open(ctx, t, inputs)
}

// Writer is an open sink.
type Writer[K, V any] struct {
	// Add adds what a record becomes to the unit of work at hand.
	Add func(record.Record[K, V]) error
	// Batches is the part that the task drives.
	Batches Batches
}

// To makes a sink of a target. convert makes the item of a record; ok is false for one
// that is not to be written. An error of it is that of the record.
func To[K, V, T any](name string, target Target[T], convert func(record.Record[K, V]) (item T, ok bool, err error), options ...Option) Sink[K, V] {
	set := settings{items: 1000}
	for _, o := range options {
		o.apply(&set)
	}
	open := func(ctx context.Context, t Task, inputs []Input) (*Writer[K, V], error) {
		b, err := openBatches(ctx, target, t, inputs, set)
		if err != nil {
			return nil, &TargetError{Sink: name, Err: err}
		}
		return &Writer[K, V]{Batches: b, Add: func(r record.Record[K, V]) error {
			item, ok, err := convert(r)
			if err == nil && ok {
				b.add(item)
			}
			return err
		}}, nil
	}
	return Sink[K, V]{name: name, err: set.check(name), open: open}
}

// Option is an option of a sink.
type Option struct{ apply func(*settings) }

type settings struct {
	items int
	loss  Loss
}

// BatchItems is how many items a batch has at most, 1000 by default, unless a single
// record makes more.
func BatchItems(n int) Option { return Option{func(s *settings) { s.items = n }} }

// OnLoss is what is done when the target holds less than was committed; Report by
// default.
func OnLoss(l Loss) Option { return Option{func(s *settings) { s.loss = l }} }

// Loss is what is done about a target that holds less than was committed.
type Loss uint8

const (
	// Report ends the worker with ErrLost.
	Report Loss = iota
	// Rebuild reads the topics again from where the target stands, or from their first
	// record. Only a task without stores can do that, and everything else in it sees the
	// records again too.
	Rebuild
	// RebuildRest is Rebuild that does with what is left of a topic whose first records
	// have been deleted, which Rebuild refuses: a table can do with that, a total cannot.
	// For a compacted topic it is not needed.
	RebuildRest
	// Accept goes on from what is committed, as a sink that is new wants it, and from the
	// beginning of a topic that was made anew.
	Accept

	last = Accept
)

func (s settings) check(name string) error {
	var faults []error
	if name == "" {
		faults = append(faults, errors.New("a sink needs a name: its positions are kept under it"))
	}
	if s.items < 1 {
		faults = append(faults, fmt.Errorf("BatchItems is %d: give at least 1", s.items))
	}
	if s.loss > last {
		faults = append(faults, fmt.Errorf("OnLoss(%d): choose Report, Rebuild, RebuildRest or Accept", s.loss))
	}
	return errors.Join(faults...)
}
