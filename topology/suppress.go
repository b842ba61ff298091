package topology

import (
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// Suppression says when Suppress passes updates on: UntilTimeLimit or
// UntilWindowCloses.
type Suppression interface{ suppression() suppression }

// TimeLimit is a Suppression of any table.
type TimeLimit struct {
	wait   time.Duration
	buffer SuppressBuffer
}

// UntilTimeLimit holds the updates of each row back for this long and passes on the
// last of them: it limits how often a row changes. The time of a row begins with the
// timestamp of the first update that is held back; when that has been passed on, the
// next update begins another one. A tombstone is an update like any other.
func UntilTimeLimit(wait time.Duration, buffer SuppressBuffer) TimeLimit {
	return TimeLimit{wait: wait, buffer: buffer}
}

// WindowClose is a Suppression of windowed tables.
type WindowClose struct{ buffer StrictBuffer }

// UntilWindowCloses passes on the final result of each window only, when the highest
// timestamp of all updates reaches the window's end and grace: for sessions, their end,
// gap and grace. Results that are deleted by then are not passed on.
func UntilWindowCloses(buffer StrictBuffer) WindowClose { return WindowClose{buffer: buffer} }

// suppression is a Suppression in detail. In a final one, wait is not known yet.
type suppression struct {
	wait  time.Duration
	final bool
	bufferLimits
}

func (s TimeLimit) suppression() suppression {
	return suppression{wait: s.wait, bufferLimits: s.buffer.limits()}
}

func (s WindowClose) suppression() suppression {
	return suppression{final: true, bufferLimits: s.buffer.limits()}
}

// Suppress holds updates of the table back and passes on the last one of each row when
// it is due.
//
//	--a:1(0)--a:2(3)--b:1(8)--a:3(12)--b:2(14)--c:1(18)-->
//	Suppress(UntilTimeLimit(10))
//	------------------------a:2(3)-----------b:2(14)--->
//
// What is due is looked for at each update, by the highest timestamp of all of them: if
// no update comes, nothing is passed on. Updates keep their timestamps and headers and
// come in the order of their times, those of one time in the order of the encoded keys.
//
// Updates that are held back are rows of a store with a changelog, in the format of
// Kafka Streams; unlike there, what does not fit into the cache is on disk. The store of
// a Suppress named n is n-store. Behind Suppress the old value of an update is what was
// passed on last, which is what a table grouped anew has to take away; Kafka Streams
// gives the value before the last update. A join finds the rows as they were passed on
// last.
func (t *Table[K, V]) Suppress(until TimeLimit, options ...SuppressOption) *Table[K, V] {
	return &Table[K, V]{t.suppress(until.suppression(), nil, settingsOf(options))}
}

// Suppress holds updates of the table back and passes on the last one of each row when
// it is due: with UntilWindowCloses, the final result of each window.
//
//	--[0:00]:1(0:01)--[0:00]:2(0:30)--[1:00]:1(1:05)--[1:00]:2(1:30)-->
//	Tumbling(1m).Grace(10s), Suppress(UntilWindowCloses(Unbounded()))
//	--------------------------------------------------[0:00]:2(0:30)-->
//
// Windowed.EmitFinal gives the same results and needs no buffer; Suppress can stand
// behind other operators of tables. See Table.Suppress for the rest.
func (t *WindowedTable[K, V]) Suppress(until Suppression, options ...SuppressOption) *WindowedTable[K, V] {
	end := func(key window.Key[K]) int64 { return key.End }
	return &WindowedTable[K, V]{t.suppress(until.suppression(), end, settingsOf(options))}
}

// suppress enters the operator. end tells when the window of a key ends.
func (t *table[K, V]) suppress(s suppression, end func(K) int64, set settings) table[K, V] {
	b := t.b
	name, store := set.name, set.name+"-store"
	if set.name == "" {
		name = b.newName("KTABLE-SUPPRESS-")
		store = b.newName("KTABLE-SUPPRESS-STATE-STORE-")
	}
	if !s.final {
		end = nil
	} else if grace, ok := t.n.grace(); ok {
		s.wait = grace
	} else {
		b.fault("%s: UntilWindowCloses needs a table of windows, and this one comes from none", at(name))
	}
	s.check(b, name)
	if versioned(t.origin) {
		b.fault("%s: Suppress cannot stand behind a table with History: an update of an older version would pass for the newest one", at(name))
	}
	t.origin.olds(true)
	made := processors.Suppress[K, V]{
		Store: store, Wait: s.wait.Milliseconds(), Final: s.final, MaxRows: s.records, MaxBytes: s.bytes, Strict: s.strict,
	}
	n := addProcessor(b, name, nil, made.Supplier(), t.n)
	b.addStore(suppressStore(store, resolve(b, at(name), t.key, true), resolve(b, at(name), t.value, false), end, set), n)
	return table[K, V]{b: b, n: n, key: t.key, value: t.value, origin: &suppressed[K, V]{of: t.origin, store: store}}
}

// check notes what is wrong with a suppression.
func (s suppression) check(b *Builder, name string) {
	if s.wait < 0 || s.wait%time.Millisecond != 0 {
		b.fault("%s: UntilTimeLimit needs whole milliseconds, 0 or more, got %v", at(name), s.wait)
	}
	if fault := s.fault(); fault != nil {
		b.fault("%s: %w", at(name), fault)
	}
}

// suppressed is the origin of a table behind Suppress.
type suppressed[K, V any] struct {
	of    origin[K, V]
	store string
}

func (o *suppressed[K, V]) olds(bool) bool { return true }
func (o *suppressed[K, V]) exact()         { o.of.exact() }

// stores has the table before this one tell every change at once: a row that is not
// held back is taken to be as it was passed on last.
func (o *suppressed[K, V]) stores() []string {
	o.of.exact()
	return append([]string{o.store}, o.of.stores()...)
}

func (o *suppressed[K, V]) rows(t *processors.Task) (processors.Rows[K, V], error) {
	of, err := o.of.rows(t)
	if err != nil {
		return nil, err
	}
	return processors.SuppressedRows(t, o.store, of)
}

func suppressStore[K, V any](name string, key serde.Serde[K], value serde.Serde[V], timeOf func(K) int64, s settings) *storeDef {
	def := newStoreDef(name, s)
	def.in = func(b *Builder) opener {
		changelog := changelogTopic(b.application, name)
		key, value := bind(b, key, changelog, true), bind(b, value, changelog, false)
		return func(t *processors.Task, o state.Options) (any, state.Lifecycle) {
			store := state.NewBuffer(name, key, value, timeOf, o)
			store.Clock = func() int64 { return t.Now }
			return store, store.Lifecycle()
		}
	}
	return def
}
