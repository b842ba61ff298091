package cep

import (
	"fmt"
	"slices"

	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// detector finds matches in one task.
type detector[K, T any] struct {
	settings
	c       *processors.Context[K, Match[T]]
	node    int32
	store   *state.KeyValue[K, *nfa.State]
	key     serde.Serde[K]
	machine *nfa.Machine
	isNil   func(T) bool
	nilKey  func(K) bool
	// seen is the highest stream time so far.
	seen   *int64
	timers timers
	// now is the event at hand.
	now kept[T]
	// due is the timer at work; fired says that its work was not taken back.
	due   timer
	fired bool
	work  [2]func() error
}

// The reasons for which records are dropped.
const (
	dropNull    = "null key or value"
	dropLate    = "late"
	dropTooMany = "too many partial matches"
	dropFailed  = "failed while it waited for its time"
)

func supplier[K, T any](compiled *nfa.NFA, set settings, timeouts bool, in topology.KeyedStore[K, T]) processors.Supplier[K, T, K, Match[T]] {
	return func(c *processors.Context[K, Match[T]]) (processors.Processor[K, T], error) {
		store, err := processors.Store[*state.KeyValue[K, *nfa.State]](c.Task, in.Name)
		if err != nil {
			return nil, err
		}
		d := &detector[K, T]{settings: set, c: c, store: store, key: in.Key, machine: nfa.NewMachine(compiled), seen: c.TrackTime(in.Name)}
		d.isNil, d.nilKey = nilOf[T](), nilOf[K]()
		keep := &keeper[T]{value: in.Value}
		d.machine.Retain, d.machine.Recall = keep.retain, keep.recall
		d.machine.MaxRuns, d.machine.Timeouts = set.maximum, timeouts
		d.node = int32(slices.Index(c.Names, c.Node()))
		d.work = [2]func() error{d.fire, d.giveUp}
		c.AfterRecord(d.afterRecord)
		return d, d.arm()
	}
}

func nilOf[T any]() func(T) bool {
	if isNil, ok := serde.Nilable[T](); ok {
		return isNil
	}
	return func(T) bool { return false }
}

// arm sets the timers of the states that are there when the task starts.
func (d *detector[K, T]) arm() error {
	for item, err := range d.store.All() {
		if err != nil {
			return err
		}
		if err := d.addTimer(item.Key, item.Value.Timer); err != nil {
			return err
		}
	}
	return nil
}

func (d *detector[K, T]) addTimer(key K, at int64) error {
	if at == nfa.Never {
		return nil
	}
	encoded, err := d.key.Append(nil, key)
	if err != nil {
		return fmt.Errorf("cep: encode the key for its timer: %w", err)
	}
	d.timers.add(timer{at, at, string(encoded)})
	return nil
}

// moment is the time up to which all events are there.
func (d *detector[K, T]) moment() int64 {
	*d.seen = max(*d.seen, d.c.StreamTime)
	return *d.seen - d.grace.Milliseconds()
}

// Process takes an event, or has it wait until its time has come.
func (d *detector[K, T]) Process(r record.Record[K, T]) error {
	if r.NullKey || r.Tombstone || d.nilKey(r.Key) || d.isNil(r.Value) {
		d.c.Drop(dropNull)
		return nil
	}
	moment, at := d.moment(), r.Timestamp
	switch {
	case !d.sorted:
		at = moment
	case at < moment:
		d.c.Drop(dropLate)
		return nil
	}
	entry, err := d.store.Lookup(r.Key)
	if err != nil {
		return err
	}
	d.load(entry)
	d.now = kept[T]{r.Value, r.Timestamp, r.Headers}
	event := nfa.Event{Time: at, Value: &d.now}
	if at > moment {
		d.machine.Buffer(event)
	} else if d.machine.Err() == nil {
		d.machine.Process(event)
	}
	return d.finish(entry, true)
}

func (d *detector[K, T]) load(entry *state.Entry[K, *nfa.State]) {
	held, _, _ := entry.Value()
	d.machine.Load(held)
}

// finish forwards what was found, and writes the state that follows.
func (d *detector[K, T]) finish(entry *state.Entry[K, *nfa.State], forward bool) error {
	before, _, had := entry.Value()
	m := d.machine
	if err := d.rearm(entry.Key()); err != nil {
		return err
	}
	after, err := m.Save()
	if err != nil {
		return fmt.Errorf("cep: store %q: %w", d.store.Name(), err)
	}
	for range m.GivenUp {
		d.c.Drop(dropTooMany)
	}
	switch {
	case after == nil && had:
		err = d.store.Remove(entry, *d.seen, nil)
	case after != before:
		err = d.store.Set(entry, after, *d.seen, nil)
	}
	if err == nil && forward && len(m.Found) > 0 {
		err = d.forwardAll(entry.Key(), m.Found)
	}
	return err
}

// rearm sets a timer for a key, unless it has one that comes early enough.
func (d *detector[K, T]) rearm(key K) error {
	at, ok := d.machine.Deadline()
	if !ok || at >= d.machine.Timer {
		return nil
	}
	d.machine.SetTimer(at)
	return d.addTimer(key, at)
}

// forwardAll passes on what was found. What follows from it sees the time and the
// headers of each.
func (d *detector[K, T]) forwardAll(key K, found []nfa.Found) error {
	at, headers := d.c.Time, d.c.Headers
	for i := range found {
		if err := d.forward(key, found[i]); err != nil {
			return err
		}
	}
	d.c.Time, d.c.Headers = at, headers
	return nil
}

func (d *detector[K, T]) forward(key K, f nfa.Found) error {
	r := record.Record[K, Match[T]]{Key: key, Value: matchOf[T](f), Timestamp: f.At}
	f.Backward(func(_ int, e *nfa.Event) bool {
		r.Headers = e.Value.(*kept[T]).headers
		return false
	})
	d.c.Time, d.c.Headers = r.Timestamp, r.Headers
	return d.c.Forward(r)
}
