package pebble

import "github.com/tidemill/tidemill/state"

// Size implements state.Sizer. It asks the tables' indexes, not the data.
func (b *Backend) Size(from, to []byte) (int64, error) {
	if !b.gate.enter() {
		return 0, state.ErrClosed
	}
	defer b.gate.leave()
	n, err := b.db.EstimateDiskUsage(from, to)
	if err != nil {
		return 0, readError("size", err)
	}
	return int64(n), nil
}
