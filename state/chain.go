package state

import (
	"math"
	"slices"
	"unsafe"
)

// chain is what is known of the rows of one key: all of them that end at from or
// later, in their order.
type chain[K, V any] struct {
	key K
	// name is the encoded key behind its length, as in rows.
	name string
	rows []*Entry[Span[K], V]
	// loaded says that from means anything.
	loaded bool
	from   int64
	// asked is the lowest end that was asked for since old rows were dropped last,
	// limit the number of rows at which that is tried again.
	asked int64
	limit int
	// unit is the unit of work that changed the chain last, loose are rows that may
	// have no value.
	unit  uint64
	loose []*Entry[Span[K], V]
	used  bool
}

// chainOverhead is what a chain costs beside its rows and its key.
const chainOverhead = 160

// chainOf finds the chain of a key and sees to it that it holds all rows that end
// at from or later.
func (s *spans[K, V]) chainOf(key K, from int64) (*chain[K, V], error) {
	name, err := appendName(s.asked[:0], s.keys, key)
	if err != nil {
		return nil, err
	}
	s.asked = name
	c := s.current // mostly, a key is asked for several times in a row
	if c == nil || c.name != string(name) {
		c = s.chains[string(name)]
	}
	if c == nil {
		c = &chain[K, V]{key: s.own(key), name: string(name), asked: math.MaxInt64}
		s.chains[c.name] = c
		s.bytes += chainOverhead + 2*len(name)
	}
	return c, s.reach(c, from)
}

// chainNamed is chainOf for the name of a key.
func (s *spans[K, V]) chainNamed(name string, from int64) (*chain[K, V], error) {
	if c := s.chains[name]; c != nil {
		return c, s.reach(c, from)
	}
	key, err := s.keys.Decode([]byte(name[lengthBytes:]))
	if err != nil {
		return nil, err
	}
	return s.chainOf(key, from)
}

func (s *spans[K, V]) reach(c *chain[K, V], from int64) error {
	c.used = true
	s.current = c
	if !c.loaded || from < c.from {
		if err := s.load(c, max(from, 0)); err != nil {
			return err
		}
	}
	s.tidy(c, from)
	return nil
}

// load reads the rows that end at from or later and are not in the chain yet. None
// of them was written lately: the chain of such a row is kept, with the row.
func (s *spans[K, V]) load(c *chain[K, V], from int64) error {
	if err := s.findBuckets(); err != nil {
		return err
	}
	to := int64(math.MaxInt64)
	if c.loaded {
		to = c.from - 1
	}
	var rows []*Entry[Span[K], V]
	for bucket := max(from/s.width, s.first); bucket <= min(to/s.width, s.last); bucket++ {
		var err error
		if rows, err = s.loadBucket(rows, c, bucket, from, to); err != nil {
			return err
		}
	}
	c.rows = append(rows, c.rows...)
	c.loaded, c.from, c.asked = true, from, min(from, c.asked)
	c.limit = max(c.limit, roomy(len(c.rows)))
	// Where little can be dropped, it is not tried every time.
	if s.bytes-s.core.pinnedBytes > max(s.core.capacity, s.swept+s.core.capacity/4) {
		s.sweep(c)
	}
	return nil
}

func (s *spans[K, V]) loadBucket(rows []*Entry[Span[K], V], c *chain[K, V], bucket, from, to int64) ([]*Entry[Span[K], V], error) {
	low := append(appendTimestamp(append(s.core.scratch[:0], s.core.space.prefix[:]...), bucket), c.name...)
	n := len(low)
	low = appendTimestamp(low, from)
	high := appendTimestamp(append(s.core.row[:0], low[:n]...), int64(uint64(to)+1))
	s.core.scratch, s.core.row = low, high
	var fault error
	err := s.core.space.backend.Scan(low, high, false, func(k, row []byte) bool {
		e, err := s.adopt(c.key, string(k[spacePrefix:]), row)
		fault, rows = err, append(rows, e)
		return err == nil
	})
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	return rows, fault
}

// adopt makes an entry of a row in the backend.
func (s *spans[K, V]) adopt(key K, name string, row []byte) (*Entry[Span[K], V], error) {
	if err := checkRow(name); err != nil {
		return nil, err
	}
	e := &Entry[Span[K], V]{cell: cell{key: name, stored: true, present: true}, typed: Span[K]{Key: key}}
	_, e.typed.Start, e.typed.End, e.typed.hidden = splitRow(name)
	var err error
	if e.value, e.ts, err = s.layout.decodeRow(append([]byte(nil), row...)); err != nil {
		return nil, err
	}
	s.weigh(e, len(row))
	return e, nil
}

func (s *spans[K, V]) weigh(e *Entry[Span[K], V], value int) {
	e.size = int32(len(e.key) + value + 16 + int(unsafe.Sizeof(*e)))
	s.bytes += int(e.size)
}

// findBuckets finds out, once, which buckets there are in the backend.
func (s *spans[K, V]) findBuckets() error {
	if s.looked {
		return nil
	}
	for _, end := range []struct {
		reverse bool
		bucket  *int64
	}{{false, &s.first}, {true, &s.last}} {
		var fault error
		err := s.core.space.backend.Scan(s.core.space.prefix[:], s.core.space.end(), end.reverse, func(key, _ []byte) bool {
			if fault = checkRow(key[spacePrefix:]); fault == nil {
				*end.bucket = bucketOf(key[spacePrefix:])
			}
			return false
		})
		if err != nil {
			return &BackendError{Err: err}
		}
		if fault != nil {
			return fault
		}
	}
	s.looked = true
	return nil
}

// place is where a row is or belongs in a chain.
func (c *chain[K, V]) place(at Span[K]) (i int, found bool) {
	i, _ = slices.BinarySearchFunc(c.rows, at, func(e *Entry[Span[K], V], at Span[K]) int {
		if e.typed.before(at) {
			return -1
		}
		return 1
	})
	return i, i < len(c.rows) && !at.before(c.rows[i].typed)
}

// tidy drops rows that the chain need not hold: those that were deleted, unless the
// deletion may be taken back or the backend has the row yet, and, when they have
// become many, old ones.
func (s *spans[K, V]) tidy(c *chain[K, V], asked int64) {
	if len(c.loose) > 0 && s.settled(c) {
		c.loose = slices.DeleteFunc(c.loose, func(e *Entry[Span[K], V]) bool { return s.fix(c, e) })
	}
	c.asked = min(c.asked, asked)
	if len(c.rows) < c.limit {
		return
	}
	s.dropOld(c)
	c.limit, c.asked = roomy(len(c.rows)), asked
}

// roomy is how many rows a chain may have before old ones are dropped again.
func roomy(rows int) int { return rows + rows/4 + 16 }

// fix takes a row without a value from a chain, unless the backend may have it yet. It
// says whether the row is settled.
func (s *spans[K, V]) fix(c *chain[K, V], e *Entry[Span[K], V]) bool {
	if e.present {
		return true
	}
	if e.stored && s.core.pinned(&e.cell) {
		return false
	}
	if i, found := c.place(e.typed); found && c.rows[i] == e {
		c.rows = slices.Delete(c.rows, i, i+1)
		s.bytes -= int(e.size)
	}
	return true
}

// dropOld drops the rows that end before what was asked for lately, up to one that
// is nowhere else.
func (s *spans[K, V]) dropOld(c *chain[K, V]) {
	cut := 0
	for cut < len(c.rows) && c.rows[cut].typed.End < c.asked && !s.core.pinned(&c.rows[cut].cell) {
		cut++
	}
	// Rows that end together stay together, since from tells them apart.
	for cut > 0 && cut < len(c.rows) && c.rows[cut].typed.End == c.rows[cut-1].typed.End {
		cut--
	}
	if cut == 0 || !s.settled(c) {
		return
	}
	c.from = c.rows[cut-1].typed.End + 1
	for _, e := range c.rows[:cut] {
		s.bytes -= int(e.size)
	}
	c.rows = slices.Delete(c.rows, 0, cut)
}

// settled says that no change of a chain can be taken back any more.
func (s *spans[K, V]) settled(c *chain[K, V]) bool {
	return !s.core.journaling || c.unit != s.core.units
}

// changed notes that the unit of work at hand makes or deletes a row of a chain.
func (s *spans[K, V]) changed(c *chain[K, V], e *Entry[Span[K], V]) {
	c.unit, c.loose = s.core.units, append(c.loose, e)
}

// held says that a chain has something that is nowhere else.
func (s *spans[K, V]) held(c *chain[K, V]) bool {
	return !s.settled(c) || slices.ContainsFunc(c.rows, func(e *Entry[Span[K], V]) bool {
		return s.core.pinned(&e.cell) && (e.present || e.stored)
	})
}

// sweep forgets chains until a quarter of the capacity is free: first those that
// were not used since the last sweep, then any. It spares the one at hand.
func (s *spans[K, V]) sweep(spared *chain[K, V]) {
	goal := s.core.capacity - s.core.capacity/4 + s.core.pinnedBytes
	for _, second := range []bool{false, true} {
		for name, c := range s.chains {
			if s.bytes <= goal {
				break
			}
			if c == spared || s.held(c) {
				continue
			}
			if c.used && !second {
				c.used = false
				continue
			}
			delete(s.chains, name)
			s.bytes -= chainOverhead + 2*len(name)
			for _, e := range c.rows {
				s.bytes -= int(e.size)
			}
		}
	}
	s.swept = s.bytes - s.core.pinnedBytes
}
