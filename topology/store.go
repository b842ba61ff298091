package topology

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// storeDef defines a store. It may be used in several topologies.
type storeDef struct {
	name      string
	windowed  bool
	versioned bool
	retention time.Duration // of a window store or of versions
	logged    bool
	cached    bool
	// headers logs the headers of what is written.
	headers   bool
	logConfig map[string]string
	// reused is the topic that the store is restored from instead of a changelog, and
	// recoded makes the bytes of the store of those in the topic.
	reused  string
	recoded func(key, value []byte) (k, v []byte, err error)
	fault   error
	// deaths is the store that tells when rows of this one run out, if they do.
	deaths *storeDef
	// headerRows is the store of the headers of what is written to this one, if they are
	// kept.
	headerRows *storeDef
	// global says that one instance serves all tasks of a worker, which share makes
	// readable.
	global bool
	share  func(b *Builder) sharer
	// rows reads the store without knowing its types; nil if only its operator can.
	rows *StoreRows
	// in prepares the store for a topology.
	in func(b *Builder) opener
}

// sharer makes the reading side of a global store.
type sharer func(space state.Space, capacity int) Shared

// opener makes the instance of a store that belongs to one task.
type opener func(t *processors.Task, o state.Options) (store any, lifecycle state.Lifecycle)

// storeUse is a store in a topology; each task of its subtopology has one instance.
type storeUse struct {
	*storeDef
	open opener
	// nodes use the store. An operator's own store is written by the first of them
	// only, which forwards what it writes.
	nodes []*node
	owned bool
	// exact says that every write has to be passed on, cached or not.
	exact bool
}

// addStore enters the store of an operator, which alone writes it.
func (b *Builder) addStore(def *storeDef, owner *node) {
	b.useStore(def, owner).owned = true
}

// useStore connects a node to a store, which is entered if it is new.
func (b *Builder) useStore(def *storeDef, n *node) *storeUse {
	if def.global {
		b.readGlobal(def, n)
		return nil
	}
	if !slices.Contains(n.stores, def.name) {
		n.stores = append(n.stores, def.name)
	}
	for _, have := range b.stores {
		if have.storeDef == def {
			have.nodes = append(have.nodes, n)
			return have
		}
		if have.name == def.name {
			b.fault("two stores are named %q: give one of them another name", def.name)
		}
	}
	use := &storeUse{storeDef: def, nodes: []*node{n}}
	b.stores = append(b.stores, use)
	if def.fault != nil {
		b.fault("%w", def.fault)
		return use
	}
	if err := checkTopicName(changelogTopic(b.application, def.name)); err != nil {
		b.fault("store %q: its changelog topic: %w", def.name, err)
	}
	use.open = def.in(b)
	for _, beside := range []*storeDef{def.deaths, def.headerRows} {
		if beside != nil {
			b.addStore(beside, n)
		}
	}
	return use
}

func newStoreDef(name string, s settings) *storeDef {
	def := &storeDef{name: name, retention: s.retention, logged: !s.noLog, cached: !s.noCache, logConfig: s.logConfig}
	if name == "" {
		def.fault = fmt.Errorf("store %q: a store needs a name", name)
	}
	if s.versioned && def.fault == nil {
		def.fault = fmt.Errorf("store %q: History is for tables of plain keys: a window keeps no versions of its result", name)
	}
	if s.keepHeaders && def.fault == nil {
		def.fault = fmt.Errorf("store %q: %s", name, uselessHeaders)
	}
	if s.mortal && def.fault == nil {
		def.fault = fmt.Errorf("store %q: TimeToLive is for key-value stores: give windows a Retention; a History forgets by itself", name)
	}
	return def
}

// keyValueStore is a store of one value for each key, or of the versions of it.
func keyValueStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	if s.versioned {
		return versionedStore(name, key, value, s)
	}
	def := newKeyValueDef(name, s)
	if s.reused != "" {
		def.logged, def.reused = false, s.reused
	}
	def.in = func(b *Builder) opener {
		changelog := cmp.Or(s.reused, changelogTopic(b.application, name))
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		def.rows = rowsOf("key-value", key, value)
		if s.reused != "" {
			def.recoded = recoded(key, value)
		}
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewKeyValue(name, key, value, o)
			store.Clock = func() int64 { return t.Time }
			if def.deaths != nil {
				processors.Expire(t, store, def.deaths.name, s.ttl.Milliseconds())
			}
			return store, store.Lifecycle()
		}
	}
	def.share = func(b *Builder) sharer {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		return func(space state.Space, capacity int) Shared { return state.NewShared(space, key, value, capacity) }
	}
	return def
}

func versionedStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	s.versioned, s.retention, s.noCache = false, s.history, true
	def := newStoreDef(name, s)
	def.versioned = true
	if s.history < 0 && def.fault == nil {
		def.fault = fmt.Errorf("store %q: the history must not be negative, got %v", name, s.history)
	}
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		def.rows = rowsOf("versioned", key, value)
		return func(_ *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewVersioned(name, def.retention.Milliseconds(), key, value, o)
			return store, store.Lifecycle()
		}
	}
	return def
}

// bufferStore is the store of a join whose records wait.
func bufferStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V]) *storeDef {
	def := newStoreDef(name, settings{noCache: true})
	def.in = func(*Builder) opener {
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewTimeBuffer(name, key, value, o)
			store.Clock = func() int64 { return t.Now }
			return store, store.Lifecycle()
		}
	}
	return def
}

// newWindowedDef is newStoreDef for a store that forgets.
func newWindowedDef(name string, s settings) *storeDef {
	def := newStoreDef(name, s)
	def.windowed = true
	if s.retention < time.Millisecond && def.fault == nil {
		def.fault = fmt.Errorf("store %q: the retention must be at least 1 ms, got %v", name, s.retention)
	}
	return def
}

func windowStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := newWindowedDef(name, s)
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		def.rows = rowsOf("window", key, value)
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewWindow(name, def.retention.Milliseconds(), key, value, o)
			return store, def.watched(t, store.Lifecycle())
		}
	}
	return def
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
	key, value, fault := storeSerdes[K, V](name, set)
	def := keyValueStore(name, key, value, set)
	def.fault = cmp.Or(def.fault, fault)
	return Store[*state.KeyValue[K, V]]{def}
}

// WindowStore is a store of one value for each key and window start, which are
// forgotten when their start is the retention or more behind the latest one.
func WindowStore[K, V any](name string, retention time.Duration, options ...StoreOption) Store[*state.Window[K, V]] {
	set := settingsOf(options)
	set.retention = retention
	key, value, fault := storeSerdes[K, V](name, set)
	def := windowStore(name, key, value, set)
	def.fault = cmp.Or(def.fault, fault)
	return Store[*state.Window[K, V]]{def}
}

// VersionedStore is a store of the values that each key had over time, as far back
// as history from the highest timestamp put.
func VersionedStore[K, V any](name string, history time.Duration, options ...StoreOption) Store[*state.Versioned[K, V]] {
	set := settingsOf(options)
	set.history = history
	key, value, fault := storeSerdes[K, V](name, set)
	def := versionedStore(name, key, value, set)
	def.fault = cmp.Or(def.fault, fault)
	return Store[*state.Versioned[K, V]]{def}
}

// storeSerdes are those of a user's store. What is wrong with them is reported when
// the store is used in a topology.
func storeSerdes[K, V any](name string, set settings) (serde.Serde[K], serde.Serde[V], error) {
	b, where := New("store"), fmt.Sprintf("store %q", name)
	key := resolve(b, where, pick[K](b, where, set.key), true)
	value := resolve(b, where, pick[V](b, where, set.value), false)
	return key, value, errors.Join(b.faults...)
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
func (o StoresOption) process()      {}
func (o StoresOption) processTable() {}
