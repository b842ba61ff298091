package processors

import (
	"bytes"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Regroup gives each row of a table the key and the value under which it is to be
// aggregated with others. What an update took away goes to the old key and what it
// brought to the new one, in this order; if these are the same key, both go in one
// record, so that the aggregate changes once. A row whose new key or value is nil
// takes no part.
type Regroup[K, V, K2, V2 any] struct {
	// Row makes the new key and value. It has to make the same of the same row.
	Row func(key K, row V) (K2, V2)
	// Key encodes the new keys, which tells whether two are the same.
	Key serde.Serde[K2]
}

// Supplier makes the operator. The updates that it is given have to tell what the
// row was. Those of a version that is not the newest are dropped.
func (g Regroup[K, V, K2, V2]) Supplier() Supplier[K, Change[V], K2, Change[V2]] {
	return func(c *Context[K2, Change[V2]]) (Processor[K, Change[V]], error) {
		return &regroup[K, V, K2, V2]{Regroup: g, c: c, keys: nullsOf[K2](), values: nullsOf[V2]()}, nil
	}
}

type regroup[K, V, K2, V2 any] struct {
	Regroup[K, V, K2, V2]
	c      *Context[K2, Change[V2]]
	keys   nulls[K2]
	values nulls[V2]
	// encoded are the keys compared last.
	encoded [2][]byte
}

// regrouped is a row under its new key, if it takes part.
type regrouped[K, V any] struct {
	key   K
	value V
	part  bool
}

func (p *regroup[K, V, K2, V2]) Process(r record.Record[K, Change[V]]) error {
	if r.Value.Older {
		p.c.Drop(dropOlder)
		return nil
	}
	old, now := p.row(r.Key, r.Value.Old, r.Value.HasOld), p.row(r.Key, r.Value.New, r.Value.HasNew)
	subtract := Change[V2]{Old: old.value, HasOld: old.part}
	add := Change[V2]{New: now.value, HasNew: now.part}
	if old.part && now.part {
		same, err := p.same(old.key, now.key)
		if err != nil {
			return err
		}
		if same {
			add.Old, add.HasOld, old.part = old.value, true, false
		}
	}
	if old.part {
		if err := p.c.Forward(record.WithKey(record.WithValue(r, subtract), old.key)); err != nil {
			return err
		}
	}
	if !now.part {
		return nil
	}
	return p.c.Forward(record.WithKey(record.WithValue(r, add), now.key))
}

func (p *regroup[K, V, K2, V2]) row(key K, row V, has bool) (out regrouped[K2, V2]) {
	if !has {
		return out
	}
	out.key, out.value = p.Row(key, row)
	out.part = !p.keys.isNil(out.key) && !p.values.isNil(out.value)
	return out
}

func (p *regroup[K, V, K2, V2]) same(a, b K2) (bool, error) {
	for i, key := range [...]K2{a, b} {
		encoded, err := p.Key.Append(p.encoded[i][:0], key)
		if err != nil {
			return false, err
		}
		p.encoded[i] = encoded
	}
	return bytes.Equal(p.encoded[0], p.encoded[1]), nil
}

// dropOlder is the reason for which what needs the newest version of a row drops an
// update of another one.
const dropOlder = "older version"
