package cqrs

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Projection makes a read model of events: rows of type R in a store. Each version of
// it is an application of its own, named name-v1, name-v2 and so on, with its own store
// and its own offsets. So a new version reads from the first event while the old one
// goes on; when it has caught up, Active says so, and the old one may be stopped for
// good. To rebuild a model, raise its version. Pause has a worker's part of it wait.
type Projection[R any] struct {
	name     string
	version  int
	handlers map[string][]func(*Model[R], events.Event, *projector[R]) error
	store    topology.Store[*state.KeyValue[string, []byte]]
	progress string
	faults   []error
	// Pausable pauses the projection on a worker, whose model stays as it is then.
	events.Pausable
}

// Projected is an event as a projection's handler sees it.
type Projected[E any] struct {
	events.Received[E]
	// Replaying says that an older version of the projection has had this event already,
	// so that what should happen once only, such as a notification, is to be left out.
	Replaying bool
}

// NewProjection begins a version of a projection, from 1.
func NewProjection[R any](name string, version int) *Projection[R] {
	p := &Projection[R]{name: name, version: version, progress: name + ".progress", handlers: map[string][]func(*Model[R], events.Event, *projector[R]) error{}}
	p.store = topology.KeyValueStore[string, []byte](name+"-model", topology.WithoutCache()) // the changelog has the writes in their order
	if version < 1 {
		p.faults = append(p.faults, fmt.Errorf("cqrs: projection %q: versions begin with 1, got %d", name, version))
	}
	return p
}

// On adds a handler for a type of event. It changes rows of the model and nothing else.
// Each event counts once. That holds for each row by itself at least once too; a handler
// that makes one row of another needs a worker that runs exactly once.
func (p *Projection[R]) On[E any](eventType string, handle func(m *Model[R], e Projected[E]) error) *Projection[R] {
	if eventType == "" || handle == nil {
		p.faults = append(p.faults, fmt.Errorf("cqrs: projection %q: a handler needs a type and a function, got type %q", p.name, eventType))
		return p
	}
	p.handlers[eventType] = append(p.handlers[eventType], func(m *Model[R], e events.Event, at *projector[R]) error {
		payload, err := e.Payload[E]()
		if err != nil {
			return &processors.DecodeError{Part: "value", Err: err}
		}
		return handle(m, Projected[E]{events.Received[E]{Event: e, Payload: payload, Key: at.key, At: at.c.Source}, at.replaying})
	})
	return p
}

// Topology is the application of this version: it reads the events of a topic, and
// tells its progress every second on the topic <name>.progress, which exists and is
// compacted, and which the other versions read.
func (p *Projection[R]) Topology(topic string, options ...events.ReadOption) *topology.Builder {
	b := topology.New(fmt.Sprintf("%s-v%d", p.name, p.version))
	for _, fault := range p.faults {
		b.Fault(fault)
	}
	if strings.Contains(topic, "*") {
		b.Fault(fmt.Errorf("cqrs: projection %q: it reads one topic, whose offsets order its writes, not the pattern %q", p.name, topic))
	}
	others := b.GlobalTable[string, events.Event](p.progress, topology.StoreName(p.name+"-others"), topology.Named(p.name+"-others"))
	pipelines := events.NewPipelines(b)
	p.Pausable = pipelines.Pausable(p.name + "-gate")
	told := pipelines.Through(p.name+"-gate", events.Read(b, topic, append(options, events.Named(p.name+"-events"))...).Stream()).
		Process(func(c *processors.Context[string, events.Event]) (processors.Processor[string, events.Event], error) {
			return p.open(c, others)
		}, topology.Named(p.name), topology.Stores(p.store, others.Rows()))
	events.Publish(told, p.progress, events.Named(p.name+"-progress"))
	return b
}

// Rows is the store of the model, for processors of the same topology that read it with
// In. Tests find it under the name <name>-model.
func (p *Projection[R]) Rows() topology.StoreRef { return p.store }

// In is the model of a task.
func (p *Projection[R]) In(t *processors.Task) (*Model[R], error) {
	store, err := p.store.In(t)
	if err != nil {
		return nil, err
	}
	codec, err := serde.Of[R]()
	return &Model[R]{store: store, codec: codec}, err
}

// tellEvery is how often a projection tells its progress.
const tellEvery = time.Second

func (p *Projection[R]) open(c *processors.Context[string, events.Event], others *topology.GlobalTable[string, events.Event]) (*projector[R], error) {
	model, err := p.In(c.Task)
	if err != nil {
		return nil, err
	}
	older, err := others.Rows().In(c.Task)
	if err != nil {
		return nil, err
	}
	w := &projector[R]{p: p, c: c, model: model, older: older}
	_, err = c.Schedule(tellEvery, processors.WallClockTime, w.tell)
	return w, err
}

// projector is the projection in one task.
type projector[R any] struct {
	p         *Projection[R]
	c         *processors.Context[string, events.Event]
	model     *Model[R]
	older     *state.Reader[string, events.Event]
	key       string
	replaying bool
}

// positionRow is the key of the row that says how far the model is in a partition.
func positionRow(topic string, partition int32) string {
	return fmt.Sprintf("%sp%s/%d", hidden, topic, partition)
}

// position is how far the model is: the offset, and whether it has caught up once and
// whether that was told.
type position struct {
	offset         int64
	caughtUp, told bool
}

func parsePosition(data []byte) (p position, err error) {
	if len(data) != 9 {
		return p, errRow
	}
	return position{int64(binary.BigEndian.Uint64(data)), data[8]&1 != 0, data[8]&2 != 0}, nil
}

func (p position) row() []byte {
	var flags byte
	if p.caughtUp {
		flags |= 1
	}
	if p.told {
		flags |= 2
	}
	return append(binary.BigEndian.AppendUint64(nil, uint64(p.offset)), flags)
}

// Process brings one event into the model.
func (w *projector[R]) Process(r record.Record[string, events.Event]) error {
	at := w.c.Source
	row := positionRow(at.Topic, at.Partition)
	data, ok, err := w.model.store.Get(row)
	before := position{offset: -1}
	if err == nil && ok {
		before, err = parsePosition(data)
	}
	if err != nil {
		return err
	}
	if at.Offset <= before.offset {
		w.c.Drop("already in the model")
		return nil
	}
	target, err := w.target(at.Topic, at.Partition)
	if err != nil {
		return err
	}
	w.model.begin(at.Offset)
	w.key, w.replaying = r.Key, !before.caughtUp && at.Offset <= target
	for _, handle := range w.p.handlers[r.Value.Type] {
		if err := handle(w.model, r.Value, w); err != nil {
			return err
		}
	}
	return w.model.store.Put(row, position{offset: at.Offset, caughtUp: before.caughtUp || at.Offset >= target}.row())
}

// target is how far older versions are in a partition, or -1.
func (w *projector[R]) target(topic string, partition int32) (int64, error) {
	target := int64(-1)
	for version := w.p.version - 1; version > 0; version-- {
		e, ok, err := w.older.Get(Progress{Version: version, Topic: topic, Partition: partition}.key())
		if err != nil {
			return 0, err
		}
		if ok {
			p, err := ProgressOf(e)
			if err != nil {
				return 0, err
			}
			target = max(target, p.Offset)
		}
	}
	return target, nil
}

// tell tells the progress that was not told yet.
func (w *projector[R]) tell(int64) error {
	var untold []Progress
	for row, err := range w.model.store.Range(hidden+"p", hidden+"q") {
		if err != nil {
			return err
		}
		at, err := parsePosition(row.Value)
		if err != nil {
			return err
		}
		if at.told {
			continue
		}
		p := Progress{Projection: w.p.name, Version: w.p.version, Offset: at.offset, CaughtUp: at.caughtUp}
		if p.Topic, p.Partition, err = parsePositionRow(row.Key); err != nil {
			return err
		}
		untold = append(untold, p)
	}
	for _, p := range untold {
		var err error
		if p.Target, err = w.target(p.Topic, p.Partition); err != nil {
			return err
		}
		e := events.New(ProgressType, p).Of("projection", p.key())
		if err := w.c.Forward(record.Record[string, events.Event]{Key: p.key(), Value: e, Timestamp: w.c.Now}); err != nil {
			return err
		}
		if err := w.model.store.Put(positionRow(p.Topic, p.Partition), position{p.Offset, p.CaughtUp, true}.row()); err != nil {
			return err
		}
	}
	return nil
}

func parsePositionRow(key string) (topic string, partition int32, err error) {
	for i := len(key) - 1; i > 2; i-- {
		if key[i] == '/' {
			_, err = fmt.Sscan(key[i+1:], &partition)
			return key[2:i], partition, err
		}
	}
	return "", 0, errRow
}
