//go:build integration

package integration

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// worker is a worker in the test's own process.
type worker struct {
	f      *fixture
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // valid when ended is closed

	mu     sync.Mutex
	events []tidemill.Event
}

// guarantee is one of the two, as options and as part of names.
type guarantee struct {
	name    string
	options []tidemill.Option
}

var guarantees = []guarantee{
	{"at least once", []tidemill.Option{tidemill.CommitInterval(100 * time.Millisecond)}},
	{"exactly once", []tidemill.Option{tidemill.ExactlyOnce()}},
}

// work starts a worker, which ends with the test at the latest. Its state is in
// memory unless the options name a folder.
func (f *fixture) work(b *topology.Builder, options ...tidemill.Option) *worker {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{f: f, cancel: cancel, ended: make(chan struct{})}
	all := []tidemill.Option{
		tidemill.Brokers(f.brokers...), tidemill.StateDir(f.t.TempDir()), tidemill.Observe(w.observe),
		tidemill.Logger(slog.New(slog.NewTextHandler(logWriter{f.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))),
	}
	all = append(all, options...)
	go func() {
		defer close(w.ended)
		w.err = tidemill.Run(ctx, b, all...)
	}()
	f.t.Cleanup(func() {
		cancel()
		<-w.ended
	})
	return w
}

// logWriter writes to the test's log.
type logWriter struct {
	t interface{ Log(args ...any) }
}

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p[:len(p)-1]))
	return len(p), nil
}

func (w *worker) observe(e tidemill.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// seen returns the events of a kind so far.
func (w *worker) seen(kind string) []tidemill.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []tidemill.Event
	for _, e := range w.events {
		if string(e.Kind) == kind {
			out = append(out, e)
		}
	}
	return out
}

// alive fails the test if the worker has ended.
func (w *worker) alive() {
	w.f.t.Helper()
	if ended(w.ended) {
		w.f.t.Fatalf("the worker ended: %v", w.err)
	}
}

// ready waits until this many tasks run, and returns how many records were
// restored for them.
func (w *worker) ready(tasks int) (replayed int64) {
	w.f.t.Helper()
	await(w.f.t, "the worker's tasks run", func() bool {
		w.alive()
		return len(w.seen(started)) >= tasks
	})
	for _, e := range w.seen(restored) {
		replayed += e.Records
	}
	return replayed
}

// stop ends the worker in good order.
func (w *worker) stop() {
	w.f.t.Helper()
	w.cancel()
	<-w.ended
	if w.err != nil {
		w.f.t.Errorf("the worker ended: %v", w.err)
	}
}
