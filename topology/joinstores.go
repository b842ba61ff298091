package topology

import (
	"maps"
	"math"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// joinStores are the stores of a join of two streams.
type joinStores struct{ left, right, unmatched *storeDef }

func defineJoinStores[K, L, R any](left *Stream[K, L], right *Stream[K, R], names joinNames, w window.Join, set settings) joinStores {
	key := resolve(left.b, at(names.left), left.key, true)
	this := resolve(left.b, at(names.left), left.value, false)
	that := resolve(left.b, at(names.right), right.value, false)
	return joinStores{
		left:      joinWindowStore(names.leftStore, w, key, this, set),
		right:     joinWindowStore(names.rightStore, w, key, that, set),
		unmatched: unmatchedStore(names.unmatched, key, this, that, set),
	}
}

// longestRetention is the longest that a store can keep rows.
const longestRetention = time.Duration(math.MaxInt64)

// forgettingStore begins the definition of a store that keeps all rows for some time.
func forgettingStore(name string, retention time.Duration, s settings) *storeDef {
	def := newStoreDef(name, s)
	def.windowed, def.cached, def.retention = true, false, retention
	def.logConfig = map[string]string{}
	maps.Copy(def.logConfig, s.logConfig)
	def.logConfig["cleanup.policy"] = "delete"
	return def
}

// joinWindowStore defines the store of one side of a join. Its changelog is not
// compacted: all records stay, however many have the same key.
func joinWindowStore[K, V any](name string, w window.Join, key serde.Serde[K], value serde.Serde[V], s settings) *storeDef {
	def := forgettingStore(name, time.Duration(w.Size()+w.GracePeriod())*time.Millisecond, s)
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		return func(_ *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewJoinWindow(name, w.Retention(), key, value, o)
			return store, store.Lifecycle()
		}
	}
	return def
}

// unmatchedStore defines the store of the records of a left or outer join that wait
// for a match.
func unmatchedStore[K, L, R any](name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R], s settings) *storeDef {
	def := newStoreDef(name, s)
	def.cached = false
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, left, right := bind(b, key, changelog, true), bind(b, left, changelog, false), bind(b, right, changelog, false)
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewUnmatched(name, key, left, right, o)
			store.Clock = func() int64 { return t.Time }
			return store, store.Lifecycle()
		}
	}
	return def
}
