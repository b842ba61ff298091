package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Receive keeps subscriptions, and passes them on. One to no foreign key only wants
// an answer.
func (j ForeignJoin[K, L, FK, R, J]) Receive() Supplier[FK, Subscription[K], FK, Subscription[K]] {
	return func(c *Context[FK, Subscription[K]]) (Processor[FK, Subscription[K]], error) {
		kept, err := Store[*state.KeyValue[[]byte, Subscription[K]]](c.Task, j.Store)
		return &receiver[K, FK]{c: c, kept: kept, key: j.subscriptionKey}, err
	}
}

type receiver[K, FK any] struct {
	c       *Context[FK, Subscription[K]]
	kept    *state.KeyValue[[]byte, Subscription[K]]
	key     func(dst []byte, foreign FK, key K) ([]byte, error)
	scratch []byte
}

func (p *receiver[K, FK]) Process(r record.Record[FK, Subscription[K]]) error {
	if r.Tombstone || r.NullKey && r.Value.Asked != AnswerAlways {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	if !r.NullKey {
		if err := p.keep(r); err != nil {
			return err
		}
	}
	return p.c.Forward(r)
}

func (p *receiver[K, FK]) keep(r record.Record[FK, Subscription[K]]) error {
	key, err := p.key(p.scratch[:0], r.Key, r.Value.Key)
	if err != nil {
		return err
	}
	p.scratch = key
	e, err := p.kept.Lookup(key)
	if err != nil {
		return err
	}
	if r.Value.Asked == Unsubscribe || r.Value.Asked == UnsubscribeAndTell {
		return p.kept.Remove(e, r.Timestamp, r.Headers)
	}
	return p.kept.Set(e, r.Value, r.Timestamp, r.Headers)
}

func (j ForeignJoin[K, L, FK, R, J]) subscriptionKey(dst []byte, foreign FK, key K) ([]byte, error) {
	dst, err := subscriptionPrefix(dst, j.Serdes.Foreign, foreign)
	if err != nil {
		return nil, err
	}
	return j.Serdes.Key.Append(dst, key)
}

// Answer gives a subscription the right row that there is. The answer's timestamp is
// the later one of the two rows.
func (j ForeignJoin[K, L, FK, R, J]) Answer() Supplier[FK, Subscription[K], K, Response[R]] {
	return func(c *Context[K, Response[R]]) (Processor[FK, Subscription[K]], error) {
		rows, err := j.Right(c.Task)
		return Func[FK, Subscription[K]](func(r record.Record[FK, Subscription[K]]) error {
			sub := r.Value
			out := Response[R]{Hash: sub.Hash, Partition: sub.Partition}
			at := r.Timestamp
			if !r.NullKey {
				row, ts, found, err := rows(r.Key, Newest)
				if err != nil {
					return err
				}
				if found {
					out.Row, out.HasRow, at = row, true, max(at, ts)
				}
			}
			switch sub.Asked {
			case Unsubscribe:
				return nil
			case UnsubscribeAndTell:
				out = Response[R]{Hash: sub.Hash, Partition: sub.Partition}
			case AnswerIfFound:
				if !out.HasRow {
					return nil
				}
			}
			next := record.WithKey(record.WithValue(r, out), sub.Key)
			next.Timestamp = at
			return c.Forward(next)
		}), err
	}
}

// Spread tells every subscription of a right row what it is now, in the order of the
// encoded keys of the left rows.
func (j ForeignJoin[K, L, FK, R, J]) Spread() Supplier[FK, Change[R], K, Response[R]] {
	return func(c *Context[K, Response[R]]) (Processor[FK, Change[R]], error) {
		kept, err := Store[*state.KeyValue[[]byte, Subscription[K]]](c.Task, j.Store)
		var from, to []byte
		return Func[FK, Change[R]](func(r record.Record[FK, Change[R]]) (err error) {
			if r.Value.Older {
				c.Drop(dropOlder)
				return nil
			}
			if from, err = subscriptionPrefix(from[:0], j.Serdes.Foreign, r.Key); err != nil {
				return err
			}
			to = afterPrefix(to[:0], from)
			for item, err := range kept.Range(from, to) {
				if err != nil {
					return err
				}
				sub := item.Value
				out := Response[R]{Hash: sub.Hash, Row: r.Value.New, HasRow: r.Value.HasNew, Partition: sub.Partition}
				if err := c.Forward(record.WithKey(record.WithValue(r, out), sub.Key)); err != nil {
					return err
				}
			}
			return nil
		}), err
	}
}
