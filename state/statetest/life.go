package statetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// life drives a store that never holds writes back through commits, checkpoints and
// crashes, as a task and its worker do. It keeps the changelog that the store is
// rebuilt from.
type life struct {
	t     *testing.T
	r     *rand.Rand
	space state.Space
	// open opens the store anew.
	open func(state.Options) state.Lifecycle
	// keep remembers the model as it is, back returns to what was remembered last.
	committed, marked snapshot

	outbox    record.Outbox
	store     state.Lifecycle
	changelog []record.Output
}

// snapshot remembers a model.
type snapshot struct {
	keep func()
	back func()
}

func newLife(t *testing.T, b state.Backend, name string) *life {
	t.Helper()
	directory, err := state.OpenDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, r: rand.New(rand.NewPCG(newSeed(t), 1))}
	l.space, err = directory.Space(name, 3)
	l.must(err)
	return l
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// unit does some work as one unit and sometimes takes it back.
func (l *life) unit(work func()) {
	l.store.Mark()
	mark := l.outbox.Mark()
	l.marked.keep()
	work()
	if l.r.IntN(4) == 0 {
		l.outbox.Rollback(mark)
		l.store.Rollback()
		l.marked.back()
	}
}

// step commits, checkpoints or crashes, or does nothing of it.
func (l *life) step(work func()) {
	switch n := l.r.IntN(100); {
	case n < 6:
		l.commit()
	case n < 9:
		l.commit()
		l.checkpoint(work)
	case n < 11:
		l.crash()
	case n < 12:
		l.commit()
		l.must(l.space.Clear())
		l.crash()
	}
}

func (l *life) commit() {
	for _, batch := range l.outbox.Take(nil) {
		l.changelog = append(l.changelog, batch.Outputs...)
	}
	l.committed.keep()
}

func (l *life) checkpoint(work func()) {
	b := l.space.NewBatch()
	l.must(l.store.Checkpoint(b))
	l.space.SetPosition(b, state.Position{Offset: int64(len(l.changelog))})
	if l.r.IntN(2) == 0 {
		l.unit(work) // while the batch is on its way, which it must not be part of
	}
	l.must(b.Commit())
	l.store.Checkpointed()
}

// crash loses everything in memory and rebuilds the store from the backend and the
// rest of the changelog.
func (l *life) crash() {
	l.outbox = record.Outbox{}
	l.committed.back()
	l.reopen()
}

func (l *life) reopen() {
	l.store = l.open(state.Options{
		Space: l.space, Capacity: 4 << 10,
		Log: &state.Changelog{Outbox: &l.outbox, Topic: "changelog", Partition: 3, Number: 1},
	})
	at, _, err := l.space.Position()
	l.must(err)
	b := l.space.NewBatch()
	for _, out := range l.changelog[at.Offset:] {
		key, value, err := l.store.Row(out.Key, out.Value, out.Timestamp)
		l.must(err)
		if value == nil {
			b.Delete(key)
		} else {
			b.Set(key, value)
		}
	}
	l.space.SetPosition(b, state.Position{Offset: int64(len(l.changelog))})
	l.must(b.Commit())
}

// key is one of a few keys of different lengths, some of which begin alike.
func (l *life) key() string {
	return fmt.Sprintf("k\x00\x00%d", l.r.IntN(12))[:1+l.r.IntN(4)]
}
