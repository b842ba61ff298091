package processors

import (
	"context"
	"fmt"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Async is an operator that calls user code which takes time, away from the task,
// which meanwhile goes on with other records. Records of one key keep their order:
// a call begins when the one before has ended and its result has been passed on.
// Others, and those without a key, overtake each other.
type Async[K, V, K2, V2 any] struct {
	// Call makes a record of another. It may be called on any goroutine, and several
	// times for a record.
	Call  func(context.Context, record.Record[K, V]) (record.Record[K2, V2], error)
	Rules CallRules
	// Key encodes keys, to tell which are the same.
	Key serde.Serde[K]
}

// AsyncValues makes the Call of an operator that keeps keys from a function that
// makes values. A null value of a type that has no nil stays null without f being
// called.
func AsyncValues[K, V, V2 any](f func(context.Context, K, V) (V2, error)) func(context.Context, record.Record[K, V]) (record.Record[K, V2], error) {
	values := nullsOf[V]()
	return func(ctx context.Context, r record.Record[K, V]) (record.Record[K, V2], error) {
		if values.hides(r.Tombstone) {
			var none V2
			out := record.WithValue(r, none)
			out.Tombstone = true
			return out, nil
		}
		value, err := f(ctx, r.Key, r.Value)
		return record.WithValue(r, value), err
	}
}

// Supplier is the operator for a topology.
func (a Async[K, V, K2, V2]) Supplier() Supplier[K, V, K2, V2] {
	return func(c *Context[K2, V2]) (Processor[K, V], error) {
		return &async[K, V, K2, V2]{Async: a, c: c, line: c.OpenLine(a.Rules), keys: nullsOf[K2](), values: nullsOf[V2]()}, nil
	}
}

type async[K, V, K2, V2 any] struct {
	Async[K, V, K2, V2]
	c      *Context[K2, V2]
	line   int
	keys   nulls[K2]
	values nulls[V2]
	// scratch holds the encoded key at hand, spare are calls that are over.
	scratch []byte
	spare   []*asyncCall[K, V, K2, V2]
}

func (a *async[K, V, K2, V2]) Process(r record.Record[K, V]) (err error) {
	var key uint32
	if !r.NullKey {
		if a.scratch, err = a.Key.Append(a.scratch[:0], r.Key); err != nil {
			return fmt.Errorf("encode the key, which tells whose call it is: %w", err)
		}
		key = record.Murmur2(a.scratch)
	}
	call := a.fresh()
	call.in = r
	a.c.Ask(a.line, key, !r.NullKey, call)
	return nil
}

func (a *async[K, V, K2, V2]) fresh() *asyncCall[K, V, K2, V2] {
	if len(a.spare) == 0 {
		return &asyncCall[K, V, K2, V2]{of: a}
	}
	call := a.spare[len(a.spare)-1]
	a.spare = a.spare[:len(a.spare)-1]
	return call
}

// asyncCall is the call for one record.
type asyncCall[K, V, K2, V2 any] struct {
	of  *async[K, V, K2, V2]
	in  record.Record[K, V]
	out record.Record[K2, V2]
}

// Run implements Call.
func (c *asyncCall[K, V, K2, V2]) Run(ctx context.Context) (err error) {
	c.out, err = c.of.Call(ctx, c.in)
	return err
}

// Forward implements Call.
func (c *asyncCall[K, V, K2, V2]) Forward() error {
	out := c.out
	out.NullKey = out.NullKey || c.of.keys.isNil(out.Key)
	out.Tombstone = out.Tombstone || c.of.values.isNil(out.Value)
	return c.of.c.Forward(out)
}

// Release implements Call.
func (c *asyncCall[K, V, K2, V2]) Release() {
	c.in, c.out = record.Record[K, V]{}, record.Record[K2, V2]{}
	c.of.spare = append(c.of.spare, c)
}
