package processors

import "github.com/tidemill/tidemill/record"

// Around runs in place of an operator's work on one record: it calls next, which
// does the work and all that follows from it, and returns its error. What it knows
// of the record at hand is in the task: its time, its headers, where it came from.
type Around func(next func() error) error

// Wrap has around run in place of a processor's work.
func Wrap[K, V any](p Processor[K, V], around Around) Processor[K, V] {
	return &wrapped[K, V]{p: p, around: around}
}

type wrapped[K, V any] struct {
	p      Processor[K, V]
	around Around
}

func (w *wrapped[K, V]) Process(r record.Record[K, V]) error {
	return w.around(func() error { return w.p.Process(r) })
}
