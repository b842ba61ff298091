package topology

import (
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// storeDef is a store of the topology; each task of its subtopology has one
// instance.
type storeDef struct {
	name      string
	windowed  bool
	retention time.Duration // of a window store
	logged    bool
	cached    bool
	logConfig map[string]string
	nodes     []*node
	fault     error
	// open makes the instance of a task.
	open func(t *processors.Task, o state.Options) (store any, lifecycle state.Lifecycle)
}

// addStore enters a store, if it is new, and connects a node to it.
func (b *Builder) addStore(def *storeDef, n *node) {
	n.stores = append(n.stores, def.name)
	for _, have := range b.stores {
		if have == def {
			def.nodes = append(def.nodes, n)
			return
		}
		if have.name == def.name {
			b.fault("two stores are named %q: give one of them another name", def.name)
			return
		}
	}
	if def.fault != nil {
		b.fault("store %q: %w", def.name, def.fault)
	}
	if err := checkTopicName(def.name); err != nil {
		b.fault("store %q: %w", def.name, err)
	}
	def.nodes = append(def.nodes, n)
	b.stores = append(b.stores, def)
}

func newStoreDef(name string, s settings) *storeDef {
	return &storeDef{name: name, retention: s.retention, logged: !s.noLog, cached: !s.noCache, logConfig: s.logConfig}
}

func keyValueStore[K, V any](b *Builder, name string, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := newStoreDef(name, s)
	changelog := changelogTopic(b.application, name)
	key, value = bind(b, key, changelog, true), bind(b, value, changelog, false)
	def.openKeyValue(key, value)
	return def
}

func (def *storeDef) openKeyValue[K, V any](key serde.Serde[K], value serde.Serde[V]) {
	def.open = func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
		store := state.NewKeyValue(def.name, key, value, o)
		store.Clock = func() int64 { return t.Time }
		return store, store.Lifecycle()
	}
}

func windowStore[K, V any](b *Builder, name string, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := newStoreDef(name, s)
	changelog := changelogTopic(b.application, name)
	key, value = bind(b, key, changelog, true), bind(b, value, changelog, false)
	def.openWindow(key, value)
	return def
}

func (def *storeDef) openWindow[K, V any](key serde.Serde[K], value serde.Serde[V]) {
	def.windowed = true
	def.open = func(_ *processors.Task, o state.Options) (any, state.Lifecycle) {
		store := state.NewWindow(def.name, def.retention.Milliseconds(), key, value, o)
		return store, store.Lifecycle()
	}
}

func changelogTopic(application, store string) string {
	return application + "-" + store + "-changelog"
}

// Store refers to a store of type S, for processors of the user. It is connected
// with Stores and opened with In.
type Store[S any] struct{ def *storeDef }

// KeyValueStore is a store of one value for each key.
func KeyValueStore[K, V any](name string, options ...StoreOption) Store[*state.KeyValue[K, V]] {
	set := settingsOf(options)
	def := newStoreDef(name, set)
	key, value := def.serdes[K, V](set)
	def.openKeyValue(key, value)
	return Store[*state.KeyValue[K, V]]{def}
}

// WindowStore is a store of one value for each key and window start, which are
// forgotten when their start is the retention or more behind the latest one.
func WindowStore[K, V any](name string, retention time.Duration, options ...StoreOption) Store[*state.Window[K, V]] {
	set := settingsOf(options)
	set.retention = retention
	def := newStoreDef(name, set)
	key, value := def.serdes[K, V](set)
	def.openWindow(key, value)
	return Store[*state.Window[K, V]]{def}
}

// serdes are those of a user's store. What is wrong with them is reported when
// the store is added to a topology.
func (def *storeDef) serdes[K, V any](set settings) (serde.Serde[K], serde.Serde[V]) {
	b := New("store")
	key := resolve(b, def.name, pick[K](b, def.name, set.key), true)
	value := resolve(b, def.name, pick[V](b, def.name, set.value), false)
	if len(b.faults) > 0 {
		def.fault = b.faults[0]
	}
	return key, value
}

// In returns the instance of the store that belongs to a task: a processor calls
// it with the Task of its context, when it is made.
func (s Store[S]) In(t *processors.Task) (S, error) { return processors.Store[S](t, s.def.name) }

func (s Store[S]) definition() *storeDef { return s.def }

// StoreRef is any Store.
type StoreRef interface{ definition() *storeDef }

// StoresOption is an option of Process.
type StoresOption []StoreRef

// Stores connects a processor with the stores that it uses. Processors that use
// the same store belong to the same tasks.
func Stores(stores ...StoreRef) StoresOption { return stores }

func (o StoresOption) change(s *settings) {
	for _, ref := range o {
		s.connected = append(s.connected, ref.definition())
	}
}
func (o StoresOption) process() {}

// Rows refers to the store that holds the table, for processors of the user. They
// must not write to it.
func (t *Table[K, V]) Rows() Store[*state.KeyValue[K, V]] {
	for _, def := range t.b.stores {
		if def.name == t.store {
			return Store[*state.KeyValue[K, V]]{def}
		}
	}
	return Store[*state.KeyValue[K, V]]{&storeDef{name: t.store}}
}
