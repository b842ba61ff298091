package runtime

import (
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/status"
)

// progress is how far the stores of a task have been restored. The restorer writes it,
// anybody may read it.
type progress struct {
	began atomic.Int64 // by the wall clock, in milliseconds; 0 is not yet
	done  atomic.Int64
	total atomic.Int64
}

// mark is the progress of one changelog, written by one goroutine at a time.
type mark struct {
	of         *progress
	first, end int64
	position   int64
	known      bool
}

// reach notes where a changelog stands.
func (m *mark) reach(position, end int64) {
	if position < 0 || end < 0 {
		return
	}
	if !m.known {
		m.known, m.first, m.position, m.end = true, position, position, position
	}
	m.of.done.Add(position - m.position)
	m.of.total.Add(end - m.end)
	m.position, m.end = position, end
}

// status is the progress to show, nil if nothing is to be restored.
func (p *progress) status() *status.Restore {
	began := p.began.Load()
	if began == 0 {
		return nil
	}
	return &status.Restore{Done: p.done.Load(), Total: p.total.Load(), Began: time.UnixMilli(began).UTC()}
}
