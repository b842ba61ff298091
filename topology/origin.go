package topology

import (
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
)

// origin is where the rows of a table are: in a store, or in those of the tables
// that it is made of.
type origin[K, V any] interface {
	// stores are the names of the stores that rows needs, which are entered if they
	// are not there yet.
	stores() []string
	// rows opens the table for a task.
	rows(t *processors.Task) (processors.Rows[K, V], error)
	// olds asks that updates tell what the row was, and reports whether they do. A
	// table that would have to be kept in a store for it is so with force only.
	olds(force bool) bool
	// exact has every update passed on as it comes, and not only the last of each
	// key at a commit.
	exact()
}

// kept is the origin of a table that has a store of its own.
type kept[K, V any] struct {
	b     *Builder
	store string
	open  func(t *processors.Task, store string) (processors.Rows[K, V], error)
}

func keptRows[K, V any](b *Builder, store string) kept[K, V] {
	return kept[K, V]{b: b, store: store, open: processors.StoredRows[K, V]}
}

func (o kept[K, V]) stores() []string { return []string{o.store} }
func (o kept[K, V]) olds(bool) bool   { return true }
func (o kept[K, V]) exact()           { o.b.uncache(o.store) }
func (o kept[K, V]) rows(t *processors.Task) (processors.Rows[K, V], error) {
	return o.open(t, o.store)
}

// uncache has a store pass on every write at once.
func (b *Builder) uncache(store string) {
	for _, use := range b.stores {
		if use.name == store {
			use.exact = true
		}
	}
}

// onDemand is the origin of a table that is read from a topic: it gets its store
// when something needs it.
type onDemand[K, V any] struct {
	kept[K, V]
	stored bool
	// enter enters the store.
	enter func()
}

func (o *onDemand[K, V]) keep() {
	if !o.stored {
		o.stored = true
		o.enter()
	}
}

func (o *onDemand[K, V]) stores() []string {
	o.keep()
	return o.kept.stores()
}

func (o *onDemand[K, V]) olds(force bool) bool {
	if force {
		o.keep()
	}
	return o.stored
}

// view is the origin of a table that is made of another, row by row.
type view[K, P, V any] struct {
	of    origin[K, P]
	made  processors.Derived[K, P, V]
	asked bool
}

func (o *view[K, P, V]) stores() []string { return o.of.stores() }
func (o *view[K, P, V]) exact()           { o.of.exact() }

func (o *view[K, P, V]) olds(force bool) bool {
	o.asked = o.of.olds(force) || o.asked
	return o.asked
}

func (o *view[K, P, V]) rows(t *processors.Task) (processors.Rows[K, V], error) {
	rows, err := o.of.rows(t)
	if err != nil {
		return nil, err
	}
	return o.made.Rows(rows), nil
}

// keptView is the origin of a table that is made of another, row by row, and has a
// store of its own.
type keptView[K, V any] struct {
	kept[K, V]
	asked *bool
}

func (o keptView[K, V]) olds(bool) bool {
	*o.asked = true
	return true
}

// storeOf is the definition of a store that is in the topology already.
func (b *Builder) storeOf(name string) *storeDef {
	i := slices.IndexFunc(b.stores, func(use *storeUse) bool { return use.name == name })
	if i < 0 {
		return &storeDef{name: name}
	}
	return b.stores[i].storeDef
}

// historied is implemented by an origin that can tell how far back it knows what
// the rows were; ok is false if it does not keep versions.
type historied interface {
	history() (back time.Duration, ok bool)
}

func (o kept[K, V]) history() (time.Duration, bool) {
	def := o.b.storeOf(o.store)
	return def.retention, def.versioned
}

func (o *view[K, P, V]) history() (time.Duration, bool) { return historyOf(o.of) }

// historyOf is how far back a table knows what its rows were.
func historyOf(origin any) (back time.Duration, ok bool) {
	if h, is := origin.(historied); is {
		return h.history()
	}
	return 0, false
}

// versioned says whether the updates of a table may concern older versions.
func versioned(origin any) bool {
	_, ok := historyOf(origin)
	return ok
}
