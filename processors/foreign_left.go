package processors

import (
	"bytes"

	"github.com/tidemill/tidemill/record"
)

// Subscribe turns the updates of the left table into subscriptions to the rows that
// they name. The updates have to tell what the row was. The processor has a method
// Ask, for Resolve.
func (j ForeignJoin[K, L, FK, R, J]) Subscribe() Supplier[K, Change[L], FK, Subscription[K]] {
	return func(c *Context[FK, Subscription[K]]) (Processor[K, Change[L]], error) {
		return &subscriber[K, L, FK, R, J]{join: j, c: c, foreign: nullsOf[FK]()}, nil
	}
}

type subscriber[K, L, FK, R, J any] struct {
	join    ForeignJoin[K, L, FK, R, J]
	c       *Context[FK, Subscription[K]]
	foreign nulls[FK]
	row     []byte
	keys    [2][]byte
}

// named is the foreign key that a row names, if it does.
type named[FK any] struct {
	key    FK
	exists bool
}

// Process handles an update of the left table. It unsubscribes from what the old
// row named and subscribes to what the new one names.
func (s *subscriber[K, L, FK, R, J]) Process(r record.Record[K, Change[L]]) error {
	change := r.Value
	if change.Older {
		s.c.Drop(dropOlder)
		return nil
	}
	old, now := s.names(r.Key, change.Old, change.HasOld), s.names(r.Key, change.New, change.HasNew)
	moved, err := s.moved(old, now)
	if err != nil {
		return err
	}
	sub, err := s.subscription(r.Key, change.New, change.HasNew)
	if err != nil {
		return err
	}
	ask := func(to named[FK], asked Request) error { return s.send(record.WithValue(r, sub), to, asked) }
	if s.join.LeftOnly != nil {
		return s.leftJoin(change, old, now, moved, ask)
	}
	return s.innerJoin(change, old, now, moved, ask)
}

// leftJoin wants a response to every update, even if there is nothing to subscribe
// to: the result comes with the response.
func (s *subscriber[K, L, FK, R, J]) leftJoin(change Change[L], old, now named[FK], moved bool, ask func(named[FK], Request) error) error {
	if !change.HasOld && !change.HasNew {
		return nil
	}
	if moved {
		if err := ask(old, Unsubscribe); err != nil {
			return err
		}
	}
	return ask(now, AnswerAlways)
}

// innerJoin wants a response where there is a result, or may be one to delete.
func (s *subscriber[K, L, FK, R, J]) innerJoin(change Change[L], old, now named[FK], moved bool, ask func(named[FK], Request) error) error {
	if !now.exists {
		if change.HasNew {
			s.c.Drop(dropNullForeignKey)
		}
		if !old.exists {
			return nil
		}
		return ask(old, UnsubscribeAndTell)
	}
	if !moved {
		return ask(now, AnswerIfFound)
	}
	if err := ask(old, Unsubscribe); err != nil {
		return err
	}
	return ask(now, AnswerAlways)
}

// Ask asks once more, on behalf of a row that may have missed the response. It
// reports false if the row names no other, so that there is nothing to ask.
func (s *subscriber[K, L, FK, R, J]) Ask(r record.Record[K, L]) (bool, error) {
	now := s.names(r.Key, r.Value, true)
	if !now.exists {
		return false, nil
	}
	sub, err := s.subscription(r.Key, r.Value, true)
	if err != nil {
		return false, err
	}
	s.c.at = s.c.node
	return true, s.send(record.WithValue(r, sub), now, AnswerAlways)
}

func (s *subscriber[K, L, FK, R, J]) send(r record.Record[K, Subscription[K]], to named[FK], asked Request) error {
	r.Value.Asked = asked
	out := record.WithKey(r, to.key)
	out.NullKey = !to.exists
	return s.c.Forward(out)
}

func (s *subscriber[K, L, FK, R, J]) names(key K, row L, has bool) (n named[FK]) {
	if has {
		n.key, n.exists = s.join.ForeignKey(key, row)
		n.exists = n.exists && !s.foreign.isNil(n.key)
	}
	return n
}

// moved says whether a row named another foreign key before.
func (s *subscriber[K, L, FK, R, J]) moved(old, now named[FK]) (bool, error) {
	if !old.exists || !now.exists {
		return old.exists, nil
	}
	for i, n := range [...]named[FK]{old, now} {
		encoded, err := s.join.Serdes.Foreign.Append(s.keys[i][:0], n.key)
		if err != nil {
			return false, err
		}
		s.keys[i] = encoded
	}
	return !bytes.Equal(s.keys[0], s.keys[1]), nil
}

func (s *subscriber[K, L, FK, R, J]) subscription(key K, row L, exists bool) (Subscription[K], error) {
	sub := Subscription[K]{Key: key, Partition: s.c.Partition}
	if !exists {
		return sub, nil
	}
	encoded, err := s.join.Serdes.Row.Append(s.row[:0], row)
	if err != nil {
		return sub, err
	}
	s.row = encoded
	sub.Hash = rowHash(encoded)
	return sub, nil
}

const (
	// dropNullForeignKey is the reason for which an inner join drops a row that
	// names no other.
	dropNullForeignKey = "null foreign key"
	// dropStale is the reason for which a response is dropped whose left row is
	// another one by now.
	dropStale = "stale response"
)

// Resolve joins responses with the left rows that they are for. A result without a
// row is a tombstone.
//
// A response that says that there is no right row may be stale because the left row
// changed meanwhile. In an inner join nobody else may tell of that any more: the new
// left row's own subscription may have come too late to see the right row go, which
// is not answered, or it has none. So the question is asked again then, by again,
// which is the Ask of what Subscribe made for the task; and if there is nothing to
// ask, there is no result. Kafka Streams leaves the old result standing.
func (j ForeignJoin[K, L, FK, R, J]) Resolve(again func(record.Record[K, L]) (bool, error)) Supplier[K, Response[R], K, J] {
	return func(c *Context[K, J]) (Processor[K, Response[R]], error) {
		rows, err := j.Left(c.Task)
		return &resolver[K, L, FK, R, J]{ForeignJoin: j, c: c, rows: rows, again: again, results: nullsOf[J]()}, err
	}
}

type resolver[K, L, FK, R, J any] struct {
	ForeignJoin[K, L, FK, R, J]
	c       *Context[K, J]
	rows    Rows[K, L]
	again   func(record.Record[K, L]) (bool, error)
	results nulls[J]
	row     []byte
}

func (p *resolver[K, L, FK, R, J]) Process(r record.Record[K, Response[R]]) error {
	row, ts, found, err := p.rows(r.Key, Newest)
	if err != nil {
		return err
	}
	hash, err := p.hash(row, found)
	if err != nil {
		return err
	}
	response := r.Value
	if hash != response.Hash {
		p.c.Drop(dropStale)
		if response.HasRow || p.LeftOnly != nil {
			return nil
		}
		if found {
			asked, err := p.askAgain(r, row, ts)
			if err != nil || asked {
				return err
			}
			found = false
		}
	}
	var out record.Record[K, J]
	switch {
	case found && response.HasRow:
		out = record.WithValue(r, p.Both(row, response.Row))
	case found && p.LeftOnly != nil:
		out = record.WithValue(r, p.LeftOnly(row))
	default:
		var none J
		out = record.WithValue(r, none)
		out.Tombstone = true
	}
	out.Tombstone = out.Tombstone || p.results.isNil(out.Value)
	return p.c.Forward(out)
}

func (p *resolver[K, L, FK, R, J]) askAgain(r record.Record[K, Response[R]], row L, ts int64) (bool, error) {
	left := record.WithValue(r, row)
	left.Timestamp = ts
	asked, err := p.again(left)
	p.c.at = p.c.node
	return asked, err
}

func (p *resolver[K, L, FK, R, J]) hash(row L, found bool) (RowHash, error) {
	if !found {
		return RowHash{}, nil
	}
	encoded, err := p.Serdes.Row.Append(p.row[:0], row)
	if err != nil {
		return RowHash{}, err
	}
	p.row = encoded
	return rowHash(encoded), nil
}
