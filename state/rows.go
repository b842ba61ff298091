package state

import (
	"encoding/binary"
	"math"
)

// Query says which rows of a store to read, with keys in their encoded form.
type Query struct {
	// Key, if not nil, is the one key wanted; else it is those with From <= key < To,
	// where nil is without a bound.
	Key, From, To []byte
	// Since and Until bound the time, both included: windows by their start, sessions
	// and versions by whether they touch it. Sessions and versions of a single moment
	// are those with Since equal to Until.
	Since, Until int64
	// Looked, if set, is called for every row that is looked at, and ends the query by
	// returning false.
	Looked func() bool
}

// RawRow is one row in its encoded form, which is the receiver's to keep.
type RawRow struct {
	Key, Value []byte
	// Timestamp is that of the record that wrote it.
	Timestamp int64
	// Start and End are those of a window, a session or a version, or 0. The End of the
	// newest version is Forever, that of a window is not known to its store and 0.
	Start, End int64
}

// RowReader is a Lifecycle whose rows can be read without knowing their types. It reads
// what has been written, committed or not, until yield returns false.
type RowReader interface {
	Rows(q Query, yield func(RawRow) bool) error
}

// Always is a Query's time without bounds.
func Always() (since, until int64) { return 0, math.MaxInt64 }

// wants says whether a key is in the query.
func (q *Query) wants(key string) bool {
	if q.Key != nil {
		return key == string(q.Key)
	}
	return (q.From == nil || key >= string(q.From)) && (q.To == nil || key < string(q.To))
}

// placed is the key of a row taken apart.
type placed struct {
	key        string
	start, end int64
	hidden     bool
}

func windowPlace(row string) placed {
	return placed{key: row[8:], start: int64(binary.BigEndian.Uint64([]byte(row[:8])))}
}

func spanPlace(row string) placed {
	name, start, end, hidden := splitRow(row)
	return placed{key: name[lengthBytes:], start: start, end: end, hidden: hidden}
}

// Rows implements RowReader.
func (o *overlay) Rows(q Query, yield func(RawRow) bool) error {
	from, to, bounded := o.bounds(&q)
	var fault error
	m := merge{overlay: o, from: string(from), to: string(to), bounded: bounded}
	m.yield = func(c *cell, key, row []byte) bool {
		if q.Looked != nil && !q.Looked() {
			return false
		}
		if c != nil {
			key = []byte(c.key)
		}
		out, wanted := o.rowAt(&q, string(key))
		if !wanted {
			return true
		}
		if c == nil {
			out.Timestamp, out.Value = int64(binary.BigEndian.Uint64(row)), append([]byte{}, row[8:]...)
		} else if out.Value, fault = o.typed.appendValue([]byte{}, c); fault != nil {
			return false
		} else {
			out.Timestamp = c.ts
		}
		return yield(out)
	}
	if err := m.run(); err != nil {
		return err
	}
	return fault
}

// bounds are the first key of the backend to look at and the one to end before.
func (o *overlay) bounds(q *Query) (from, to []byte, bounded bool) {
	if o.place == nil {
		if q.Key != nil {
			return q.Key, append(q.Key[:len(q.Key):len(q.Key)], 0), true
		}
		return q.From, q.To, q.To != nil
	}
	from = o.floor(q.Since)
	if o.expired != nil {
		if kept := o.expired(); string(kept) > string(from) {
			from = kept
		}
	}
	return from, nil, false
}

// rowAt is a row without its value, and whether it is in the query.
func (o *overlay) rowAt(q *Query, key string) (out RawRow, wanted bool) {
	if o.place == nil {
		return RawRow{Key: []byte(key)}, true
	}
	at := o.place(key)
	if at.hidden || at.start > q.Until || !q.wants(at.key) || o.spent != nil && o.spent(key) {
		return out, false
	}
	if at.end > 0 && at.end < q.Since {
		return out, false
	}
	return RawRow{Key: []byte(at.key), Start: at.start, End: at.end}, true
}

// Rows implements RowReader: the versions of a key that touch the time, or the newest
// version of each key.
func (s *versions) Rows(q Query, yield func(RawRow) bool) error {
	give := func(key []byte, v Version[[]byte]) bool {
		return yield(RawRow{Key: key, Value: append([]byte{}, v.Value...), Timestamp: v.From, Start: v.From, End: v.To})
	}
	if q.Key == nil {
		return s.all(func(key, value []byte, ts int64) (bool, error) {
			if !q.wants(string(key)) {
				return true, nil
			}
			return give(append([]byte{}, key...), Version[[]byte]{Value: value, From: ts, To: Forever}), nil
		})
	}
	if q.Since == q.Until {
		v, ok, err := s.getAsOf(q.Key, q.Since)
		if ok && err == nil {
			give(q.Key, v)
		}
		return err
	}
	return s.history(q.Key, q.Since, q.Until, false, func(v Version[[]byte]) (bool, error) { return give(q.Key, v), nil })
}
