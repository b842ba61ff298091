package events

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Entity is the whole state of a thing at one time, with what is known about how good
// the knowledge is. It is the payload of an event of a changed entity.
type Entity[T any] struct {
	State T `json:"state"`
	// Version rises with every change of the entity.
	Version int64 `json:"version"`
	// Sources say where the state is known from, and Confidence, from 0 to 1, how sure
	// that is; AsOf is when it was so.
	Sources    []string  `json:"sources,omitempty"`
	Confidence float64   `json:"confidence,omitzero"`
	AsOf       time.Time `json:"asOf"`
}

// The ends of the types of an entity's events: threat.changed, threat.removed.
const (
	changed = ".changed"
	removed = ".removed"
)

// Changes turns a stream of an entity's states, such as that of a table's changes, into
// events that carry the whole state, and publishes them. A record without a value says
// that the entity is gone. The keys are the entities' ids.
//
// enrich fills in what is to be told about a state; it is given an Entity with the state
// and with the record's time as AsOf. A Version that is left 0 becomes that time in
// milliseconds, so of two changes in one millisecond a replica keeps the one that it
// reads last.
//
// The topic should be compacted: then it holds the newest state of every entity, and a
// replica that starts anew is complete when it has read it.
func Changes[T any](s *topology.Stream[string, T], entityType, topic string, enrich func(id string, e Entity[T]) Entity[T], options ...PublishOption) {
	set := publishing{name: "publish-" + topic}
	for _, o := range options {
		o.publish(&set)
	}
	carried := s.ProcessValues(func(c *outlet) (processors.ValueProcessor[string, T], error) {
		return processors.ValueFunc[string, T](func(r record.Fixed[string, T]) error {
			e := Event{Type: entityType + removed, Version: 1, Sequence: r.Timestamp}
			if !r.Tombstone {
				state := enrich(r.Key(), Entity[T]{State: r.Value, AsOf: timeOf(r.Timestamp)})
				state.Version = cmp.Or(state.Version, r.Timestamp)
				e = New(entityType+changed, state)
				e.Sequence = state.Version
			}
			return c.Forward(record.WithFixedValue(r, e.Of(entityType, r.Key())))
		}), nil
	}, topology.Named(set.name+"-carry"))
	Publish(carried, topic, options...)
}

// Replica keeps a local copy of another program's entities, from the events that Changes
// publishes: a table to join with, and to read in processors. A change that is older
// than what the replica has is dropped and counted, so that events may come twice or in
// the wrong order; that holds for removed entities too.
func Replica[T any](b *topology.Builder, entityType, topic string, options ...ReplicaOption) *topology.Table[string, Entity[T]] {
	set := replicating{reading: reading{name: "replica-" + entityType}}
	for _, o := range options {
		o.replica(&set)
	}
	versions := topology.KeyValueStore[string, []byte](set.name + "-versions")
	return readSet(b, topic, set.reading).Stream().
		ProcessValues(func(c *processors.ValueContext[string, Entity[T]]) (processors.ValueProcessor[string, Event], error) {
			store, err := versions.In(c.Task)
			return processors.ValueFunc[string, Event](func(r record.Fixed[string, Event]) error {
				before, _, err := store.Get(r.Key())
				if err != nil {
					return err
				}
				out, version, err := replicated[T](r, entityType)
				if err != nil {
					return err
				}
				if version < newest(before) {
					c.Drop("older than the replica")
					return nil
				}
				if err := store.Put(r.Key(), binary.BigEndian.AppendUint64(nil, uint64(version))); err != nil {
					return err
				}
				return c.Forward(out)
			}), err
		}, topology.Named(set.name+"-replica"), topology.Stores(versions)).
		ToTable(topology.StoreName(set.name), topology.Named(set.name+"-table"))
}

// newest is a version as the store has it, or 0.
func newest(stored []byte) int64 {
	if len(stored) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(stored))
}

// replicated is what an event makes of a row.
func replicated[T any](r record.Fixed[string, Event], entityType string) (out record.Fixed[string, Entity[T]], version int64, err error) {
	e := r.Value
	switch e.Type {
	case entityType + removed:
		out = record.WithFixedValue(r, Entity[T]{})
		out.Tombstone = true
		return out, e.Sequence, nil
	case entityType + changed:
		row, err := e.Payload[Entity[T]]()
		return record.WithFixedValue(r, row), e.Sequence, err
	}
	return out, 0, fmt.Errorf("%w: a replica of %s has no use for %q", ErrUnknown, entityType, e.Type)
}

// ReplicaOption is an option of Replica.
type ReplicaOption interface{ replica(*replicating) }

type replicating struct{ reading }

func (n NameOption) replica(r *replicating)   { r.name = string(n) }
func (o UpcastOption) replica(r *replicating) { r.chains = o.Chains }
