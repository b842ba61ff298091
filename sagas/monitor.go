package sagas

import (
	"cmp"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Monitor watches the flows of a choreography: it reads all its events and writes the
// position of each flow whenever it changes, or when a reaction has not come in time.
type Monitor struct {
	Choreography Choreography
	// Topic gets the positions, in JSON, by the id of the flow. It is to be compacted.
	Topic string
	// Patience is how long a reaction may take before its flow counts as stuck.
	Patience time.Duration
	// Retention is how long a flow is remembered when nothing is to come any more, a day
	// by default.
	Retention time.Duration
}

// AddTo adds the monitor to a topology, which must not contain reactions of the
// choreography: a topic is read once in each. It reports everything that is wrong.
func (m Monitor) AddTo(b *topology.Builder) error {
	m.Retention = cmp.Or(m.Retention, 24*time.Hour)
	faults := []error{m.Choreography.Check()}
	check := func(wrong bool, what string) {
		if wrong {
			faults = append(faults, fmt.Errorf("sagas: the monitor of choreography %q: %s", m.Choreography.Name, what))
		}
	}
	check(m.Topic == "", "it needs a Topic")
	check(m.Patience < time.Millisecond, "the Patience must be at least 1 ms")
	check(m.Retention < time.Millisecond, "the Retention must be at least 1 ms")
	if err := errors.Join(faults...); err != nil {
		return err
	}
	name := m.Choreography.Name
	positions := topology.KeyValueStore[string, []byte](name + "-positions")
	timers := topology.KeyValueStore[string, []byte](name + "-timers")
	b.Streams[string, []byte](m.Choreography.Events(), topology.Named(name+"-events")).
		Process(sight, topology.Named(name+"-sight")).
		Repartition(topology.Named(name+"-flows")).
		Process(m.supplier(positions, timers), topology.Named(name+"-monitor"), topology.Stores(positions, timers)).
		To(m.Topic, topology.Named(name+"-to-positions"))
	return nil
}

// sight notes each event under the id of its flow.
func sight(c *processors.Context[string, []byte]) (processors.Processor[string, []byte], error) {
	return processors.Func[string, []byte](func(r record.Record[string, []byte]) error {
		at := c.Source
		value, err := encode(Sighting{
			ID:    at.Topic + "-" + strconv.Itoa(int(at.Partition)) + "-" + strconv.FormatInt(at.Offset, 10),
			Event: at.Topic, Cause: text(r.Headers, HeaderCause), Service: text(r.Headers, HeaderService), At: c.Now,
		})
		if err != nil {
			return err
		}
		flow := cmp.Or(text(r.Headers, HeaderFlow), r.Key)
		return c.Forward(record.Record[string, []byte]{Key: flow, Value: value, Timestamp: r.Timestamp})
	}), nil
}

func (m Monitor) supplier(positions, timers topology.Store[rows]) processors.Supplier[string, []byte, string, []byte] {
	return func(c *processors.Context[string, []byte]) (processors.Processor[string, []byte], error) {
		have, due, err := open(c.Task, positions, timers)
		if err != nil {
			return nil, err
		}
		w := &watch{Monitor: m, c: c, positions: have, agenda: due}
		_, err = c.Schedule(min(m.Patience, time.Second), processors.WallClockTime, w.tick)
		return w, err
	}
}

// watch is the monitor of one task.
type watch struct {
	Monitor
	c         *processors.Context[string, []byte]
	positions rows
	agenda    agenda
}

// Process takes note of one event.
func (w *watch) Process(r record.Record[string, []byte]) error {
	var s Sighting
	if err := json.Unmarshal(r.Value, &s); err != nil {
		return err
	}
	p, err := w.load(r.Key)
	if err != nil || !w.Choreography.meet(&p, s) {
		return err
	}
	return w.keep(p, w.c.Now)
}

// tick looks at flows whose time has come: to be stuck, or to be forgotten.
func (w *watch) tick(now int64) error {
	due, err := w.agenda.take(now, mostTimers)
	if err != nil {
		return err
	}
	for _, e := range due {
		p, err := w.load(e.owner)
		if err != nil {
			return err
		}
		p.Due = 0
		if p.Status == Over {
			err = w.forget(p, now)
		} else {
			err = w.keep(p, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) load(flow string) (p Position, err error) {
	p = Position{Choreography: w.Choreography.Name, Flow: flow}
	data, ok, err := w.positions.Get(flow)
	if err != nil || !ok {
		return p, err
	}
	err = json.Unmarshal(data, &p)
	return p, err
}

// keep judges a flow, sets its timer and writes its position.
func (w *watch) keep(p Position, now int64) error {
	if p.Due != 0 {
		if err := w.agenda.cancel(entry{due: p.Due, owner: p.Flow}); err != nil {
			return err
		}
	}
	p.Due = p.judge(now, w.Patience.Milliseconds())
	if p.Status == Over {
		p.Due = now + w.Retention.Milliseconds()
	}
	if p.Due != 0 {
		if err := w.agenda.set(entry{due: p.Due, owner: p.Flow}); err != nil {
			return err
		}
	}
	data, err := encode(p)
	if err != nil {
		return err
	}
	if err := w.positions.Put(p.Flow, data); err != nil {
		return err
	}
	return w.c.Forward(record.Record[string, []byte]{Key: p.Flow, Value: data, Timestamp: now})
}

func (w *watch) forget(p Position, now int64) error {
	if _, _, err := w.positions.Delete(p.Flow); err != nil {
		return err
	}
	return w.c.Forward(record.Record[string, []byte]{Key: p.Flow, Tombstone: true, Timestamp: now})
}
