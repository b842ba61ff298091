package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// Keyed describes an operator that keeps a state for each key, for packages that add
// operators to streams. Its states are in a store with a changelog.
type Keyed[K, V, S, R any] struct {
	// Prefix is what the node's name begins with if none is chosen, such as
	// "CEP-DETECT-". Behind it comes the position in the topology.
	Prefix string
	// State makes the serde of the states of that of the stream's values.
	State func(value serde.Serde[V]) serde.Serde[S]
	// Supplier makes the operator.
	Supplier func(KeyedStore[K, V]) processors.Supplier[K, V, K, R]
	// Fault is what is wrong with the operator, to be reported by Build.
	Fault error
}

// KeyedStore tells an operator which store holds its states, a state.KeyValue, and how
// the keys of the store and the values of the stream are encoded.
type KeyedStore[K, V any] struct {
	Name  string
	Key   serde.Serde[K]
	Value serde.Serde[V]
}

// KeyedOption is an option of operators made with Keyed.
type KeyedOption interface {
	change(*settings)
	keyed()
}

// ExtraOption is embedded by the options that such an operator has of its own.
type ExtraOption struct{}

func (ExtraOption) change(*settings) {}
func (ExtraOption) keyed()           {}
func (n NameOption) keyed()          {}
func (o SerdeOption) keyed()         {}
func (o StoreNameOption) keyed()     {}
func (o KeepOption) keyed()          {}

// AddKeyed adds an operator behind a stream. If the keys of the stream may have
// changed, the records are repartitioned first. The operator must not change them.
func AddKeyed[K, V, S, R any](s *Stream[K, V], o Keyed[K, V, S, R], options ...KeyedOption) *Stream[K, R] {
	set, b := settingsOf(options), s.b
	name := b.named(set.name, o.Prefix)
	store := set.store
	if store == "" {
		store = name + "-store"
	}
	for _, fault := range faultsOf(o.Fault) {
		b.fault("%s: %w", at(name), fault)
	}
	keyed := s.repartitioned(name, settings{})
	key, value := keyed.chosen(name, set)
	key, value = resolve(b, at(name), key, true), resolve(b, at(name), value, false)
	if key == nil || value == nil || o.Fault != nil {
		return &Stream[K, R]{flow[K, R]{b: b, n: s.n}}
	}
	changelog := changelogTopic(b.application, store)
	bound := KeyedStore[K, V]{Name: store, Key: bind(b, key, changelog, true), Value: bind(b, value, changelog, false)}
	n := then(keyed.flow, name, nil, o.Supplier(bound))
	b.addStore(keyValueStore(store, key, o.State(bound.Value), set), n)
	return &Stream[K, R]{flow[K, R]{b: b, n: n, key: keyed.key}}
}

// faultsOf takes apart faults that were joined.
func faultsOf(fault error) (faults []error) {
	joined, ok := fault.(interface{ Unwrap() []error })
	switch {
	case fault == nil:
		return nil
	case !ok:
		return []error{fault}
	}
	for _, one := range joined.Unwrap() {
		faults = append(faults, faultsOf(one)...)
	}
	return faults
}
