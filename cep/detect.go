package cep

import (
	"errors"

	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// Detect finds the matches of a pattern among the events of each key.
//
//	--k:a--k:b1--j:a--k:b2-->
//	Detect(a FollowedBy b)
//	-------k:{a b1}--------->
//
// A match has the key of its events, and the time and the headers of the last of them;
// one that ends with the absence of an event has the time when that is certain. Records
// without a key or a value are dropped. If the keys of the stream may have changed, it is
// repartitioned first.
func Detect[K, T any](s *topology.Stream[K, T], p Pattern[T], options ...Option) *topology.Stream[K, Match[T]] {
	return detect(s, p, false, options)
}

// DetectTimedOut is Detect with the partial matches that ran out of time as a second
// stream: those that Within or Gap has ended, and that were no match yet. Each has the
// time when its time was up.
func DetectTimedOut[K, T any](s *topology.Stream[K, T], p Pattern[T], options ...Option) (matches, timedOut *topology.Stream[K, Match[T]]) {
	all := detect(s, p, true, options)
	isTimedOut := func(_ K, m Match[T]) bool { return m.TimedOut }
	set, _ := settingsOf(options) // faults are reported by detect
	if set.name == "" {
		return all.FilterNot(isTimedOut), all.Filter(isTimedOut)
	}
	return all.FilterNot(isTimedOut, topology.Named(set.name+"-matches")), all.Filter(isTimedOut, topology.Named(set.name+"-timed-out"))
}

func detect[K, T any](s *topology.Stream[K, T], p Pattern[T], timeouts bool, options []Option) *topology.Stream[K, Match[T]] {
	set, wrong := settingsOf(options)
	compiled, err := p.compile()
	return topology.AddKeyed(s, topology.Keyed[K, T, *nfa.State, Match[T]]{
		Prefix: "CEP-DETECT-",
		State:  func(serde.Serde[T]) serde.Serde[*nfa.State] { return states{compiled} },
		Supplier: func(store topology.KeyedStore[K, T]) processors.Supplier[K, T, K, Match[T]] {
			return supplier(compiled, set, timeouts, store)
		},
		Fault: errors.Join(wrong, err),
	}, options...)
}
