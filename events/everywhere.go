package events

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// GlobalReplica is a replica of which every worker holds all entities, of all
// partitions, so that a stream may ask for any of them, whatever it is keyed by.
type GlobalReplica[T any] struct {
	store topology.Store[*state.Reader[string, []byte]]
	name  string
}

// ReplicaEverywhere is Replica as a global table. A worker begins to process when it has
// read all that the topic held at its start. A change that is older than what is there is
// dropped, removed entities included, and a record without a value makes the replica
// forget an entity as if it had never been there.
//
// A record that is no event, or none of this entity, is handled by the policy for decoding
// in every worker.
func ReplicaEverywhere[T any](b *topology.Builder, entityType, topic string, options ...ReplicaOption) *GlobalReplica[T] {
	set := replicating{reading: reading{name: "replica-" + entityType}}
	for _, o := range options {
		o.replica(&set)
	}
	b.Fault(set.chains.Check())
	kept := topology.KeyValueStore[string, []byte](set.name)
	keep := func(c *processors.Context[string, Event]) (processors.Processor[string, Event], error) {
		rows, err := kept.In(c.Task)
		return processors.Func[string, Event](func(r record.Record[string, Event]) error {
			if r.Tombstone {
				_, _, err := rows.Delete(r.Key)
				return err
			}
			row, err := set.row(r, entityType)
			if err != nil {
				return &processors.DecodeError{Part: "value", Err: err}
			}
			before, _, err := rows.Get(r.Key)
			if err == nil && newer(before, row) {
				c.Drop("older than the replica")
				return nil
			}
			return errors.Join(err, rows.Put(r.Key, row))
		}), err
	}
	store := b.GlobalStore(topic, kept, keep, topology.ValueSerde(unread), topology.Named(set.name))
	return &GlobalReplica[T]{store, set.name}
}

// The rows of a global replica: version (8 bytes, big-endian), 1 if removed, the entity as
// JSON.
const entityHead = 9

// row is what the event in a record makes of a row.
func (s replicating) row(r record.Record[string, Event], entityType string) ([]byte, error) {
	e, err := s.decode(r.Value.note.raw, r.Headers, r.Timestamp)
	if err == nil {
		e.Data, e.Version, err = s.chains.Apply(e.Type, e.Version, e.Data)
	}
	if err != nil {
		return nil, err
	}
	row := binary.BigEndian.AppendUint64(make([]byte, 0, entityHead+len(e.Data)), uint64(e.Sequence))
	switch e.Type {
	case entityType + removed:
		return append(row, 1), nil
	case entityType + changed:
		return append(append(row, 0), e.Data...), nil
	}
	return nil, fmt.Errorf("%w: a replica of %s has no use for %q", ErrUnknown, entityType, e.Type)
}

// newer says whether a row is of a higher version than another.
func newer(a, b []byte) bool {
	return len(a) >= entityHead && binary.BigEndian.Uint64(a) > binary.BigEndian.Uint64(b)
}

// Store is the store of the replica, for processors to be connected with and then to open
// it by In.
func (g *GlobalReplica[T]) Store() topology.StoreRef { return g.store }

// In is the replica as a task sees it.
func (g *GlobalReplica[T]) In(t *processors.Task) (*Entities[T], error) {
	rows, err := g.store.In(t)
	return &Entities[T]{rows, serde.JSON[Entity[T]]()}, err
}

// Entities are those of a global replica. They are read by one task.
type Entities[T any] struct {
	rows  *state.Reader[string, []byte]
	codec serde.Serde[Entity[T]]
}

// Get returns an entity and whether there is one.
func (s *Entities[T]) Get(id string) (Entity[T], bool, error) {
	row, ok, err := s.rows.Get(id)
	if err != nil || !ok {
		return Entity[T]{}, false, err
	}
	return s.decode(row)
}

// All returns all entities with their ids, in the order of these.
func (s *Entities[T]) All() iter.Seq2[state.Item[string, Entity[T]], error] {
	return func(yield func(state.Item[string, Entity[T]], error) bool) {
		for row, err := range s.rows.All() {
			out, there := state.Item[string, Entity[T]]{Key: row.Key}, false
			if err == nil {
				out.Value, there, err = s.decode(row.Value)
			}
			if (there || err != nil) && !yield(out, err) || err != nil {
				return
			}
		}
	}
}

func (s *Entities[T]) decode(row []byte) (e Entity[T], there bool, err error) {
	if len(row) < entityHead {
		return e, false, errors.New("events: a row of the replica has another layout: it was written by something else")
	}
	if row[entityHead-1] == 1 {
		return e, false, nil
	}
	if e, err = s.codec.Decode(row[entityHead:]); err != nil {
		return e, false, fmt.Errorf("%w: an entity of the replica: %w", ErrUndecodable, err)
	}
	return e, true, nil
}

// JoinReplica enriches each record with the entity that idOf names, of a global replica;
// join is called with nil where there is none. The stream is not repartitioned.
func JoinReplica[K, V, T, R any](s *topology.Stream[K, V], g *GlobalReplica[T], idOf func(K, V) string, join func(V, *Entity[T]) R, options ...topology.ProcessOption) *topology.Stream[K, R] {
	return s.ProcessValues(func(c *processors.ValueContext[K, R]) (processors.ValueProcessor[K, V], error) {
		entities, err := g.In(c.Task)
		return processors.ValueFunc[K, V](func(r record.Fixed[K, V]) error {
			if r.Tombstone {
				c.Drop("null value")
				return nil
			}
			e, ok, err := entities.Get(idOf(r.Key(), r.Value))
			if err != nil {
				return err
			}
			if !ok {
				return c.Forward(record.WithFixedValue(r, join(r.Value, nil)))
			}
			return c.Forward(record.WithFixedValue(r, join(r.Value, &e)))
		}), err
	}, append(options, topology.Stores(g.store))...)
}
