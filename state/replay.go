package state

import (
	"iter"

	"github.com/tidemill/tidemill/record"
)

// Replayer is implemented by a Lifecycle for which a changelog record is not one
// row: what it changes depends on what is there already.
type Replayer interface {
	// Replay adds what changelog records change, in their order, to a batch, which
	// is committed before the next call, if there is one. Nothing of the batches
	// before may be remembered: the space can have been cleared in between.
	Replay(b Batch, records iter.Seq[record.Raw]) error
}

// Replay adds what records of a store's changelog change, in their order, to a
// batch. It is how a store is rebuilt; nothing else may use the store meanwhile.
func Replay(l Lifecycle, b Batch, records iter.Seq[record.Raw]) error {
	if r, ok := l.(Replayer); ok {
		return r.Replay(b, records)
	}
	for r := range records {
		key, value, err := l.Row(r.Key, r.Value, r.Timestamp)
		if err != nil {
			return err
		}
		if value == nil {
			b.Delete(key)
		} else {
			b.Set(key, value)
		}
	}
	return nil
}
