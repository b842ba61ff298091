package pebble

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// health knows whether the last attempt to write a buffer to disk failed. Pebble
// tries again for ever and meanwhile lets Commit and Flush wait, on a full disk
// without end. With health they fail instead, and the worker can say why.
type health struct {
	log *slog.Logger

	mu        sync.Mutex
	attempt   error         // of the flush that ended last
	err       error         // not nil while flushes fail
	failing   chan struct{} // closed when they begin to fail
	recovered chan struct{} // closed when they succeed again
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, failing: make(chan struct{})}
}

// listener returns the events that health needs. Pebble reports a failed flush
// as FlushEnd and then BackgroundError, with the same error; a FlushEnd alone,
// even with an error, is one that had nothing to write.
func (h *health) listener() *pebble.EventListener {
	return &pebble.EventListener{
		FlushEnd:        func(info pebble.FlushInfo) { h.flushEnded(info.Err) },
		BackgroundError: h.backgroundError,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			h.log.Error("state/pebble: a file is damaged", "path", info.Path, "error", info.Details)
		},
	}
}

func (h *health) flushEnded(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempt = err
	if err == nil && h.err != nil {
		h.err, h.failing = nil, make(chan struct{})
		close(h.recovered)
		h.log.Warn("state/pebble: the state can be written to disk again")
	}
}

func (h *health) backgroundError(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.attempt == nil || !errors.Is(err, h.attempt) {
		h.log.Warn("state/pebble: background work failed", "error", err)
		return
	}
	if h.err == nil {
		h.err = err
		h.recovered = make(chan struct{})
		close(h.failing)
		h.log.Warn("state/pebble: the state cannot be written to disk", "error", err)
	}
}

// failure returns why flushes fail, or nil.
func (h *health) failure() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// wait waits until done is closed or a flush fails.
func (h *health) wait(done <-chan struct{}) error {
	h.mu.Lock()
	failing := h.failing
	h.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-failing:
		return h.failure()
	}
}
