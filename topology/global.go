package topology

import (
	"fmt"
	"iter"
	"slices"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// GlobalTable is a table of which every worker holds all rows, of all partitions.
// Streams are joined with it by any key, without being repartitioned.
type GlobalTable[K, V any] struct {
	b     *Builder
	key   serde.Serde[K]
	value serde.Serde[V]
	store *storeDef
}

// GlobalTable reads a topic as a table that is whole in every worker. A worker
// begins to process only when it has read all that the topic held at its start;
// from then on the table follows the topic as its records come, not by their
// timestamps. A record without a key is dropped, and a tombstone deletes. The topic
// is the table's changelog, so it should be a compacted one.
//
// A record that cannot be decoded is handled by the policy for decoding in every
// worker: with a dead-letter policy each of them writes a letter.
func (b *Builder) GlobalTable[K, V any](topic string, options ...TableOption) *GlobalTable[K, V] {
	s := settingsOf(options)
	store := s.store
	if store == "" {
		store = b.newName(topic + "-STATE-STORE-")
	}
	from, name := addGlobalSource[K, V](b, topic, s)
	key, value := from.serdes(name, s, topic)
	def := keyValueStore(store, key, value, s)
	b.addGlobal(from.n, name, def, processors.Table[K, V](store))
	return &GlobalTable[K, V]{b: b, key: key, value: value, store: def}
}

// GlobalStore reads a topic into a store that is whole in every worker, through a
// processor of the user, which alone writes it. What the processor forwards goes
// nowhere. At a start without local state all records of the topic go through the
// processor again.
func (b *Builder) GlobalStore[K, V, K2, V2 any](topic string, store Store[*state.KeyValue[K2, V2]], supplier processors.Supplier[K, V, K, V], options ...SourceOption) Store[*state.Reader[K2, V2]] {
	from, name := addGlobalSource[K, V](b, topic, settingsOf(options))
	def := *store.def
	b.addGlobal(from.n, name, &def, supplier)
	return Store[*state.Reader[K2, V2]]{&def}
}

func addGlobalSource[K, V any](b *Builder, topic string, s settings) (from *Stream[K, V], name string) {
	if err := checkTopicName(topic); err != nil {
		b.fault("source topic %q: %w", topic, err)
	}
	sourceName := b.newName("KSTREAM-SOURCE-")
	if s.name != "" {
		sourceName = s.name + "-source"
	}
	name = b.named(s.name, "KTABLE-SOURCE-")
	return addSource[K, V](b, &source{topics: []string{topic}, global: true}, sourceName, s), name
}

// addGlobal enters the operator that writes a global store.
func (b *Builder) addGlobal[K, V, V2 any](from *node, name string, def *storeDef, supplier processors.Supplier[K, V, K, V2]) {
	n := addProcessor(b, name, nil, supplier, from)
	if def.deaths != nil {
		b.fault("%s: a global table cannot have a TimeToLive: its topic is its changelog; write tombstones to it", at(name))
	}
	def.logged, def.cached = false, false
	b.addStore(def, n)
	def.global = true
	b.globals = append(b.globals, def)
}

// readGlobal lets a node read a global store.
func (b *Builder) readGlobal(def *storeDef, n *node) {
	if !slices.Contains(b.globals, def) {
		b.fault("node %q: the global store %q belongs to another builder: build them with one", n.name, def.name)
	}
}

// Rows refers to the rows of the table, for processors of the user.
func (t *GlobalTable[K, V]) Rows() Store[*state.Reader[K, V]] {
	return Store[*state.Reader[K, V]]{t.store}
}

// StoreName is the name of the store that holds the table.
func (t *GlobalTable[K, V]) StoreName() string { return t.store.name }

// JoinGlobal joins each record with the row that a global table has under the key
// that keyOf returns for it. The result has the stream's key, timestamp and
// headers. A record without a value is dropped, and so is one for which keyOf
// returns nil or there is no row. What row a record meets depends on how far the
// worker has read the table.
//
//	stream      --a:1(x)---a:2(x)--b:3(y)-->
//	table       ---------x:7--------------->
//	JoinGlobal  -----------a:2,7----------->
func (s *Stream[K, V]) JoinGlobal[GK, GV, R any](table *GlobalTable[GK, GV], keyOf func(K, V) GK, join func(V, GV) R, options ...OperatorOption) *Stream[K, R] {
	return addGlobalJoin(s, table, options, processors.GlobalJoin[K, V, GK, GV, R]{
		KeyOf: keyOf, Found: func(_ K, value V, row GV) R { return join(value, row) },
	})
}

// LeftJoinGlobal is JoinGlobal that keeps records for which there is no row: join
// is called with nil for them.
//
//	stream          --a:1(x)---a:2(x)--b:3(y)-->
//	table           ---------x:7--------------->
//	LeftJoinGlobal  --a:1------a:2,7---b:3----->
func (s *Stream[K, V]) LeftJoinGlobal[GK, GV, R any](table *GlobalTable[GK, GV], keyOf func(K, V) GK, join func(V, *GV) R, options ...OperatorOption) *Stream[K, R] {
	return addGlobalJoin(s, table, options, processors.GlobalJoin[K, V, GK, GV, R]{
		KeyOf:   keyOf,
		Found:   func(_ K, value V, row GV) R { return join(value, &row) },
		Missing: func(_ K, value V) R { return join(value, nil) },
	})
}

func addGlobalJoin[K, V, GK, GV, R any](s *Stream[K, V], table *GlobalTable[GK, GV], options []OperatorOption, join processors.GlobalJoin[K, V, GK, GV, R]) *Stream[K, R] {
	join.Store = table.store.name
	n := then(s.flow, s.name(options, "KSTREAM-LEFTJOIN-"), nil, join.Supplier()) // Kafka Streams' name of both joins
	s.b.readGlobal(table.store, n)
	return &Stream[K, R]{flow[K, R]{b: s.b, n: n, key: s.key, rekeyed: s.rekeyed}}
}

// Shared is the reading side of a global store: it makes a reader for each task
// and is told what changes.
type Shared interface {
	NewReader() any
	Changed(keys iter.Seq[string])
}

// Globals are the subtopologies whose stores every worker holds as a whole. Their
// sources are read by each worker from all partitions; they have no tasks.
func (p *Plan) Globals() []*Subtopology {
	var out []*Subtopology
	for _, sub := range p.Subtopologies {
		if sub.Global {
			out = append(out, sub)
		}
	}
	return out
}

// Share makes the store readable for the tasks of a worker.
func (s *StorePlan) Share(space state.Space, capacity int) (Shared, error) {
	if s.shared == nil {
		return nil, fmt.Errorf("topology: store %q is not a global one", s.Name)
	}
	return s.shared(space, capacity), nil
}
