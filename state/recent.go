package state

import (
	"cmp"
	"slices"
)

// Row is one record that a JoinWindow keeps.
type Row[V any] struct {
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
	// sequence tells rows of a key and a time apart, in the order of their arrival.
	sequence uint32
	Value    V
}

func (r *Row[V]) before(other *Row[V]) bool {
	if r.Timestamp != other.Timestamp {
		return r.Timestamp < other.Timestamp
	}
	return r.sequence < other.sequence
}

func compareRows[V any](a, b Row[V]) int {
	switch {
	case a.before(&b):
		return -1
	case b.before(&a):
		return 1
	}
	return 0
}

// recent is the part of a JoinWindow that is in memory: the rows of each key in the
// order of time. So that the oldest can be dropped without a look at all keys, the
// keys are listed by slices of time too.
type recent[V any] struct {
	strands map[string]*strand[V]
	spare   []*strand[V]
	// slices are in the order of their numbers, each of which is the timestamps of
	// its rows shifted right.
	slices []slice[V]
	lists  [][]*strand[V] // empty ones, of dropped slices
	shift  uint8
	bytes  int
}

// slice lists the strands that have rows in a span of time, and perhaps others.
type slice[V any] struct {
	number  int64
	strands []*strand[V]
	bytes   int
	epoch   uint64 // of the last row
}

// strand is the rows of one key, from first on.
type strand[V any] struct {
	key    string
	rows   []Row[V]
	first  int
	listed int64 // the slice that lists it since last
	idle   bool  // no key has it
}

// put adds a row and returns the strand that it is in.
func (r *recent[V]) put(key []byte, row Row[V], size int, epoch uint64) *strand[V] {
	c := r.strands[string(key)]
	if c == nil {
		c = r.newChain(string(key))
	}
	c.insert(row)
	s := r.slice(row.Timestamp >> r.shift)
	s.epoch = epoch
	s.bytes += size
	r.bytes += size
	if c.listed != s.number {
		c.listed = s.number
		s.strands = append(s.strands, c)
	}
	return c
}

// take removes a row that put has added.
func (r *recent[V]) take(c *strand[V], row Row[V], size int) {
	c.remove(row)
	r.slice(row.Timestamp >> r.shift).bytes -= size
	r.bytes -= size
}

func (r *recent[V]) newChain(key string) *strand[V] {
	var c *strand[V]
	if n := len(r.spare); n > 0 {
		c = r.spare[n-1]
		r.spare = r.spare[:n-1]
	} else {
		c = new(strand[V])
	}
	c.key, c.listed, c.idle = key, -1, false
	r.strands[key] = c
	return c
}

// slice returns the slice with this number, which is nearly always the last one.
func (r *recent[V]) slice(number int64) *slice[V] {
	n := len(r.slices)
	if n > 0 && r.slices[n-1].number == number {
		return &r.slices[n-1]
	}
	i, found := slices.BinarySearchFunc(r.slices, number, func(s slice[V], number int64) int { return cmp.Compare(s.number, number) })
	if !found {
		fresh := slice[V]{number: number}
		if n := len(r.lists); n > 0 {
			fresh.strands = r.lists[n-1]
			r.lists = r.lists[:n-1]
		}
		r.slices = slices.Insert(r.slices, i, fresh)
	}
	return &r.slices[i]
}

// dropBelow drops every row in a slice below this number.
func (r *recent[V]) dropBelow(number int64) {
	n := 0
	for ; n < len(r.slices) && r.slices[n].number < number; n++ {
		s := &r.slices[n]
		for _, c := range s.strands {
			c.dropBelow(number << r.shift)
			r.retire(c)
		}
		clear(s.strands)
		r.lists = append(r.lists, s.strands[:0])
		r.bytes -= s.bytes
	}
	r.slices = slices.Delete(r.slices, 0, n)
}

// maxSpare is how many strands without rows are kept for other keys.
const maxSpare = 1 << 14

// retire takes a strand without rows from its key.
func (r *recent[V]) retire(c *strand[V]) {
	if len(c.rows) > 0 || c.idle {
		return
	}
	delete(r.strands, c.key)
	c.key, c.idle = "", true
	if len(r.spare) < maxSpare {
		r.spare = append(r.spare, c)
	}
}

// between returns the rows of a key with from <= timestamp <= to. They are valid
// until the next row is put or dropped.
func (r *recent[V]) between(key []byte, from, to int64) []Row[V] {
	c := r.strands[string(key)]
	if c == nil {
		return nil
	}
	low := c.search(from)
	high := len(c.rows)
	if high > low && c.rows[high-1].Timestamp > to {
		high = c.search(to + 1)
	}
	return c.rows[low:max(low, high)]
}

// search returns the place of the first row that is not before ts.
func (c *strand[V]) search(ts int64) int {
	low, high := c.first, len(c.rows)
	for low < high {
		middle := int(uint(low+high) / 2)
		if c.rows[middle].Timestamp < ts {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// insert puts a row where it belongs, which is nearly always the end.
func (c *strand[V]) insert(row Row[V]) {
	n := len(c.rows)
	if n == cap(c.rows) && c.first > n/4 {
		kept := copy(c.rows, c.rows[c.first:])
		clear(c.rows[kept:])
		c.rows, c.first, n = c.rows[:kept], 0, kept
	}
	if n == c.first || c.rows[n-1].before(&row) {
		c.rows = append(c.rows, row)
		return
	}
	c.rows = slices.Insert(c.rows, c.place(row), row)
}

// place is where a row is or belongs.
func (c *strand[V]) place(row Row[V]) int {
	i := c.search(row.Timestamp)
	for i < len(c.rows) && c.rows[i].before(&row) {
		i++
	}
	return i
}

func (c *strand[V]) remove(row Row[V]) {
	i := c.place(row)
	c.rows = slices.Delete(c.rows, i, i+1)
}

func (c *strand[V]) dropBelow(ts int64) {
	end := c.search(ts)
	clear(c.rows[c.first:end])
	c.first = end
	if c.first == len(c.rows) {
		c.rows, c.first = c.rows[:0], 0
	}
}
