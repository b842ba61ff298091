package processors

import "github.com/tidemill/tidemill/record"

// Processor handles the records of one task, one at a time and in order. It may
// implement Closer.
type Processor[K, V any] interface {
	Process(r record.Record[K, V]) error
}

// Closer is implemented by a Processor that holds something to release. Close is
// called when its task ends, cleanly or not.
type Closer interface {
	Close() error
}

// Supplier makes the processor of one task. It is called once for each task, and
// again whenever the task is opened anew, so nothing that changes may be shared
// through it. It must not forward.
type Supplier[KIn, VIn, KOut, VOut any] func(*Context[KOut, VOut]) (Processor[KIn, VIn], error)

// Func is a function used as a Processor.
type Func[K, V any] func(record.Record[K, V]) error

// Process calls the function.
func (f Func[K, V]) Process(r record.Record[K, V]) error { return f(r) }
