package state

import "iter"

// Mortality has the rows of a KeyValue run out. What has run out is as if it were not
// there, until RunOut removes it.
type Mortality struct {
	// Deadline is the highest timestamp of a row that has run out by now.
	Deadline func() int64
	// Born is told the encoded key of each row that comes to be, with its timestamp,
	// before it is written. It is not told of later writes of the row.
	Born func(key []byte, ts int64) error
}

// SetMortality has rows run out. It is called before anything else is.
func (s *KeyValue[K, V]) SetMortality(m *Mortality) { s.mortal = m }

// Current is the value of an entry, its timestamp and whether there is one that has not
// run out.
func (s *KeyValue[K, V]) Current(e *Entry[K, V]) (V, int64, bool) {
	if e.present && s.mortal != nil && e.ts <= s.mortal.Deadline() {
		var none V
		return none, 0, false
	}
	return e.Value()
}

// current leaves out the rows that have run out.
func (s *KeyValue[K, V]) current(rows iter.Seq2[Item[K, V], error]) iter.Seq2[Item[K, V], error] {
	if s.mortal == nil {
		return rows
	}
	return func(yield func(Item[K, V], error) bool) {
		deadline := s.mortal.Deadline()
		for item, err := range rows {
			if (err != nil || item.Timestamp > deadline) && !yield(item, err) {
				return
			}
		}
	}
}

// RunOut removes the row of an encoded key if it has run out at a deadline, with the
// timestamp at. Otherwise it returns the row's timestamp, if there is one.
func (s *KeyValue[K, V]) RunOut(key []byte, deadline, at int64) (ts int64, left bool, err error) {
	typed, err := s.layout.decodeKey(key)
	if err != nil {
		return 0, false, err
	}
	e, err := s.lookup(typed)
	if err != nil || !e.present {
		return 0, false, err
	}
	if e.ts > deadline {
		return e.ts, true, nil
	}
	return 0, false, s.Remove(e, at, nil)
}
