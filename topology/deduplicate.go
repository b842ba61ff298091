package topology

import (
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// DeduplicateOption is an option of Deduplicate and DeduplicateBy.
type DeduplicateOption interface {
	change(*settings)
	deduplicate()
}

func (n NameOption) deduplicate()      {}
func (o SerdeOption) deduplicate()     {}
func (o StoreNameOption) deduplicate() {}
func (o LogOption) deduplicate()       {}

// Deduplicate passes on the first record of each key and drops those with the same key
// whose timestamps are less than a time away from it. What is passed on begins the time
// anew; what is dropped does not.
//
//	--a:1(0)--a:2(4)--b:1(5)--a:3(9)--a:4(10)-->
//	Deduplicate(10ms)
//	--a:1(0)----------b:1(5)----------a:4(10)-->
//
// Time is that of the records. A record may come out of order and is still compared
// with those before and behind it. One that is the time or more behind the highest
// timestamp is late: what came near it may have been forgotten, so it is dropped too,
// and counted, or handed to OnLate. So are records without a key, which are counted
// only; those without a value are like any other.
//
// The keys that were passed on are in a store with a changelog, and in memory as far as
// the cache reaches, for twice the time. Records whose keys may have changed are
// repartitioned first, so that all of a key meet.
func (s *Stream[K, V]) Deduplicate(within time.Duration, options ...DeduplicateOption) *Stream[K, V] {
	return addDeduplicate(s, within, settingsOf(options), nil)
}

// DeduplicateBy is Deduplicate for an id of each record: the first record of a key with
// an id is passed on, and those of the same key with the same id that are near it are
// dropped.
//
//	--a:x1(0)--a:x1(4)--a:x2(5)--b:x1(6)-->
//	DeduplicateBy(v, 10ms)
//	--a:x1(0)-----------a:x2(5)--b:x1(6)-->
//
// Ids are looked up among those of the key, since only records of one key are sure to
// meet in one task. To find an id whatever the keys, make it the key with SelectKey and
// use Deduplicate. A change of keys before it repartitions the records; behind it, the
// ids stay with the keys that they came with. Two ids are the same if the serde for
// their type writes the same bytes.
func (s *Stream[K, V]) DeduplicateBy[ID any](id func(K, V) ID, within time.Duration, options ...DeduplicateOption) *Stream[K, V] {
	ids := resolve[ID](s.b, at(s.n.name), nil, false)
	return addDeduplicate(s, within, settingsOf(options), func(dst []byte, r record.Record[K, V]) ([]byte, error) {
		return ids.Append(dst, id(r.Key, r.Value))
	})
}

func addDeduplicate[K, V any](s *Stream[K, V], within time.Duration, set settings, id func([]byte, record.Record[K, V]) ([]byte, error)) *Stream[K, V] {
	b := s.b
	name := b.named(set.name, "KSTREAM-DEDUPLICATE-")
	store := set.store
	if store == "" {
		store = b.newName("KSTREAM-DEDUPLICATE-STATE-STORE-")
	}
	if within < time.Millisecond || within%time.Millisecond != 0 {
		b.fault("%s: Deduplicate needs whole milliseconds, 1 or more, got %v", at(name), within)
		within = time.Second // stands in, so that building can go on
	}
	from := *s
	from.key, from.value = s.chosen(name, set)
	keyed := from.repartitioned(name, settings{})
	key := bind(b, resolve(b, at(name), keyed.key, true), changelogTopic(b.application, store), true)
	made := processors.Deduplicate[K, V]{Store: store, Within: within.Milliseconds(), Key: key, Append: id}
	n := then(keyed.flow, name, nil, made.Supplier())
	b.addStore(seenStore(store, within, set), n)
	pickLate(keyed.flow, n, set.late)
	return &Stream[K, V]{keyed.on(n)}
}

// seenStore defines the store of the ids that were passed on.
func seenStore(name string, within time.Duration, set settings) *storeDef {
	retention := 2 * within.Milliseconds()
	def := forgettingStore(name, min(within, longestRetention/2)*2, set)
	def.in = func(*Builder) opener {
		return func(_ *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewJoinWindow(name, retention, serde.Bytes(), serde.Bytes(), o)
			return store, store.Lifecycle()
		}
	}
	return def
}
