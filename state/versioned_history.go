package state

import (
	"iter"
	"math"
)

// History returns the versions with a value that a key had at some time from from
// to to, both included, as far as the history reaches back, in the order of time.
func (s *Versioned[K, V]) History(key K, from, to int64) iter.Seq2[Version[V], error] {
	return func(yield func(Version[V], error) bool) {
		h, err := s.look(key, from, to)
		if err != nil {
			yield(Version[V]{}, err)
			return
		}
		for item, err := range h.ended(false) {
			if !h.give(item, err, yield) {
				return
			}
		}
		h.giveNewest(yield)
	}
}

// ReverseHistory is History from the newest version to the oldest.
func (s *Versioned[K, V]) ReverseHistory(key K, from, to int64) iter.Seq2[Version[V], error] {
	return func(yield func(Version[V], error) bool) {
		h, err := s.look(key, from, to)
		if err != nil {
			yield(Version[V]{}, err)
			return
		}
		if !h.giveNewest(yield) {
			return
		}
		for item, err := range h.ended(true) {
			if !h.give(item, err, yield) {
				return
			}
		}
	}
}

// looking is a look at the history of one key.
type looking[K, V any] struct {
	store    *Versioned[K, V]
	key      K
	from, to int64
	newest   version[content[V]]
}

func (s *Versioned[K, V]) look(key K, from, to int64) (looking[K, V], error) {
	n, err := s.newest(key)
	if err != nil {
		return looking[K, V]{}, err
	}
	return looking[K, V]{store: s, key: n.typed.key, from: max(from, s.oldest(), 0), to: to, newest: n.now}, nil
}

// ended are the older versions that ended after from.
func (h *looking[K, V]) ended(reverse bool) iter.Seq2[Item[place[K], content[V]], error] {
	if !h.newest.present || h.from > h.to || h.from == math.MaxInt64 {
		return func(func(Item[place[K], content[V]], error) bool) {}
	}
	return h.store.ended(h.key, h.from+1, h.newest.ts, reverse)
}

// give yields an older version if it is one of those asked for.
func (h *looking[K, V]) give(item Item[place[K], content[V]], err error, yield func(Version[V], error) bool) bool {
	if err != nil {
		yield(Version[V]{}, err)
		return false
	}
	if item.Value.none || item.Timestamp > h.to {
		return true
	}
	return yield(Version[V]{Value: item.Value.value, From: item.Timestamp, To: item.Key.at}, nil)
}

func (h *looking[K, V]) giveNewest(yield func(Version[V], error) bool) bool {
	if !h.newest.present || h.newest.value.none || h.newest.ts > h.to {
		return true
	}
	return yield(Version[V]{Value: h.newest.value.value, From: h.newest.ts, To: Forever}, nil)
}

// ended returns the older versions of a key that ended from from to to, both
// included, in the order of time or against it.
func (s *Versioned[K, V]) ended(key K, from, to int64, reverse bool) iter.Seq2[Item[place[K], content[V]], error] {
	return func(yield func(Item[place[K], content[V]], error) bool) {
		for first, last := from, to; first <= last; {
			low, high := max(first, last&^(s.span-1)), last
			if !reverse {
				low, high = first, min(last, first|(s.span-1))
			}
			for item, err := range s.inSpan(key, low, high, reverse) {
				if !yield(item, err) || err != nil {
					return
				}
			}
			switch {
			case reverse:
				last = low - 1
			case high == math.MaxInt64:
				return
			default:
				first = high + 1
			}
		}
	}
}

// inSpan is ended for times within one span.
func (s *Versioned[K, V]) inSpan(key K, from, to int64, reverse bool) iter.Seq2[Item[place[K], content[V]], error] {
	low, err := s.layout.appendKey(nil, place[K]{section: inHistory, key: key, at: from})
	if err == nil {
		var high []byte
		if high, err = s.layout.appendKey(nil, place[K]{section: inHistory, key: key, at: to}); err == nil {
			return s.scan(low, append(high, 0), reverse)
		}
	}
	return func(yield func(Item[place[K], content[V]], error) bool) { yield(Item[place[K], content[V]]{}, err) }
}

// All returns the newest version of every key that has a value, ordered by the
// encoded keys.
func (s *Versioned[K, V]) All() iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		for item, err := range s.scan([]byte{asNewest}, []byte{asNewest + 1}, false) {
			if err == nil && item.Value.none {
				continue
			}
			if !yield(Item[K, V]{Key: item.Key.key, Value: item.Value.value, Timestamp: item.Timestamp}, err) {
				return
			}
		}
	}
}
