package processors

import "github.com/tidemill/tidemill/record"

// FlatMap makes any number of records of each one. f calls emit for each, in
// the order in which they are to follow.
func FlatMap[K, V, K2, V2 any](f func(key K, value V, emit func(K2, V2))) Supplier[K, V, K2, V2] {
	return func(c *Context[K2, V2]) (Processor[K, V], error) {
		p := &flatMap[K, V, K2, V2]{Context: c, f: f, in: nullsOf[V](), keys: nullsOf[K2](), values: nullsOf[V2]()}
		p.emit = func(key K2, value V2) {
			if p.err == nil {
				p.err = c.Forward(remade(p.current, key, p.keys, value, p.values))
			}
		}
		return p, nil
	}
}

type flatMap[K, V, K2, V2 any] struct {
	*Context[K2, V2]
	f       func(K, V, func(K2, V2))
	emit    func(K2, V2)
	in      nulls[V]
	keys    nulls[K2]
	values  nulls[V2]
	current record.Record[K, V]
	err     error
}

func (p *flatMap[K, V, K2, V2]) Process(r record.Record[K, V]) error {
	if p.in.hides(r.Tombstone) {
		p.Drop(dropNull)
		return nil
	}
	p.current, p.err = r, nil
	p.f(r.Key, r.Value, p.emit)
	return p.err
}

// FlatMapValues makes any number of values of each record and keeps its key.
func FlatMapValues[K, V, V2 any](f func(K, V) []V2) Supplier[K, V, K, V2] {
	return func(c *Context[K, V2]) (Processor[K, V], error) {
		in, values := nullsOf[V](), nullsOf[V2]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if in.hides(r.Tombstone) {
				c.Drop(dropNull)
				return nil
			}
			for _, value := range f(r.Key, r.Value) {
				out := record.WithValue(r, value)
				out.Tombstone = values.isNil(value)
				if err := c.Forward(out); err != nil {
					return err
				}
			}
			return nil
		}), nil
	}
}
