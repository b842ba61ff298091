package state

import (
	"iter"
	"math"
)

// history hands out the versions with a value that a key had at some time from from
// to to, in the order of time or against it, until give has had enough.
func (s *versions) history(key []byte, from, to int64, reverse bool, give func(Version[[]byte]) (bool, error)) error {
	n, err := s.newest(key)
	if err != nil || !n.present {
		return err
	}
	h := looking{store: s, key: n.typed.key, from: max(from, s.oldest(), 0), to: to, newest: n.version(), give: give}
	if reverse {
		if more, err := h.giveNewest(); !more || err != nil {
			return err
		}
		_, err = h.giveEnded(true)
		return err
	}
	if more, err := h.giveEnded(false); !more || err != nil {
		return err
	}
	_, err = h.giveNewest()
	return err
}

// looking is a look at the history of one key.
type looking struct {
	store    *versions
	key      []byte
	from, to int64
	newest   version[content]
	give     func(Version[[]byte]) (bool, error)
}

// giveEnded gives the older versions that ended after from.
func (h *looking) giveEnded(reverse bool) (more bool, err error) {
	if h.from > h.to || h.from == math.MaxInt64 {
		return true, nil
	}
	for item, err := range h.store.ended(h.key, h.from+1, h.newest.ts, reverse) {
		if err != nil {
			return false, err
		}
		if item.Value.none || item.Timestamp > h.to {
			continue
		}
		if more, err := h.give(Version[[]byte]{Value: item.Value.value, From: item.Timestamp, To: item.Key.at}); !more || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (h *looking) giveNewest() (more bool, err error) {
	if h.newest.value.none || h.newest.ts > h.to {
		return true, nil
	}
	return h.give(Version[[]byte]{Value: h.newest.value.value, From: h.newest.ts, To: Forever})
}

// ended returns the older versions of a key that ended from from to to, both
// included, in the order of time or against it.
func (s *versions) ended(key []byte, from, to int64, reverse bool) iter.Seq2[Item[place, content], error] {
	return func(yield func(Item[place, content], error) bool) {
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
func (s *versions) inSpan(key []byte, from, to int64, reverse bool) iter.Seq2[Item[place, content], error] {
	low, err := s.layout.appendKey(nil, place{section: inHistory, key: key, at: from})
	if err == nil {
		var high []byte
		if high, err = s.layout.appendKey(nil, place{section: inHistory, key: key, at: to}); err == nil {
			return s.scan(low, append(high, 0), reverse)
		}
	}
	return func(yield func(Item[place, content], error) bool) { yield(Item[place, content]{}, err) }
}

// all hands out the newest version of every key that has a value, ordered by key, until
// give has had enough.
func (s *versions) all(give func(key, value []byte, ts int64) (bool, error)) error {
	for item, err := range s.scan([]byte{asNewest}, []byte{asNewest + 1}, false) {
		if err != nil {
			return err
		}
		if item.Value.none {
			continue
		}
		if more, err := give(item.Key.key, item.Value.value, item.Timestamp); !more || err != nil {
			return err
		}
	}
	return nil
}
