package topology

import (
	"cmp"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// SessionStore is a store of the sessions of keys: of one value for each key, start
// and end. They are forgotten when their end is more than the retention behind the
// latest one.
func SessionStore[K, V any](name string, retention time.Duration, options ...StoreOption) Store[*state.Session[K, V]] {
	set := settingsOf(options)
	set.retention = retention
	key, value, fault := storeSerdes[K, V](name, set)
	def := sessionStore(name, 0, key, value, set)
	def.fault = cmp.Or(def.fault, fault)
	return Store[*state.Session[K, V]]{def}
}

// sessionStore keeps sessions for the retention, or for least milliseconds if that
// is longer.
func sessionStore[K, V any](name string, least int64, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := newWindowedDef(name, s)
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		def.rows = rowsOf("session", key, value)
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewSession(name, max(least, def.retention.Milliseconds()), key, value, o)
			return store, def.watched(t, store.Lifecycle())
		}
	}
	return def
}

// slidingStore keeps windows for as long as a record that is not late may need them:
// those that it is in, and the last one before.
func slidingStore[K, V any](name string, w window.SlidingSpec, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := newWindowedDef(name, s)
	least := 3*w.Difference() + w.GracePeriod() + 1
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		def.rows = rowsOf("sliding", key, value)
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewSliding(name, w.Difference(), max(least, def.retention.Milliseconds()), key, value, o)
			return store, def.watched(t, store.Lifecycle())
		}
	}
	return def
}
