package events

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// How often a gate looks whether it may let go of what it holds, and of how much then.
const (
	gateInterval = 100 * time.Millisecond
	gateRun      = 10_000
)

// gateway is a gate in one task.
type gateway[K, V any] struct {
	c    *processors.ValueContext[K, V]
	gate *gate
	// held are records in their order, numbered from 0 on; next is the number of the next
	// one. holding says that there may be some.
	held    *state.KeyValue[int64, []byte]
	next    int64
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
	At         record.Metadata
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
	for row, err := range w.held.All() {
		if err != nil {
			return nil, err
		}
		w.next = row.Key + 1
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
	one := heldRecord{Null: r.NullKey(), Gone: r.Tombstone, Timestamp: r.Timestamp, Headers: r.Headers, At: w.c.Source}
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
	w.next++
	return w.held.Put(w.next-1, data)
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
	if w.gate.places {
		now := w.c.Source
		defer func() { w.c.Source = now }()
		w.c.Source = one.At
	}
	return w.c.Forward(record.Fix(r))
}
