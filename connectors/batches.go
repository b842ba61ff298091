package connectors

import (
	"context"
	"slices"

	"github.com/tidemill/tidemill/record"
)

// Batches collects what the units of work of a task add, and makes writes of it. It
// is what a task sees of a sink, and is used by its goroutine only.
type Batches interface {
	// Skip says whether what the record at this place adds has been written already.
	Skip(source record.Metadata) bool
	// Keep takes what the unit of work at hand has added, Forget drops it. raw is the
	// record that it came from, or nil.
	Keep(source record.Metadata, raw *record.Raw)
	Forget()
	// Begun says that a batch has something in it, Full that it is complete.
	Begun() bool
	Full() bool
	// Cut begins a new batch and returns the write of the one so far, or nil if there
	// is nothing to write. at is how far the task has got in its inputs.
	Cut(at []Position) *Write
	// Committed says that the task has committed everything that it was given.
	Committed()
	Close() error
}

// Write is one batch to be written, as a call that a task makes.
type Write struct {
	run     func(ctx context.Context) ([]Refused, error)
	sources []source
	of      []int
	refused []Refused
	done    func()
}

// Run writes, on any goroutine.
func (w *Write) Run(ctx context.Context) (err error) {
	w.refused, err = w.run(ctx)
	return err
}

// Forward tells of the records that were refused, as a *RefusedError.
func (w *Write) Forward() error {
	if len(w.refused) == 0 {
		return nil
	}
	e := &RefusedError{}
	last := -1
	for _, r := range w.refused {
		if of := w.of[r.Item]; of != last { // one letter a record
			s := w.sources[of]
			e.Records = append(e.Records, RefusedRecord{Source: s.at, Raw: s.raw, HasRaw: s.hasRaw, Err: r.Err})
			last = of
		}
	}
	return e
}

// Release ends the write.
func (w *Write) Release() { w.done() }

// RefusedError is what a write says of records that the target does not take.
type RefusedError struct{ Records []RefusedRecord }

func (e *RefusedError) Error() string { return e.Records[0].Err.Error() }

// RefusedRecord is a record that the target does not take.
type RefusedRecord struct {
	Source record.Metadata
	Raw    record.Raw
	HasRaw bool
	Err    error
}

// source is a unit of work that has added something.
type source struct {
	at     record.Metadata
	raw    record.Raw
	hasRaw bool
}

type batches[T any] struct {
	session Session[T]
	limit   int
	// memory is that of the batch at hand. Its items from kept on belong to the unit of
	// work at hand.
	memory[T]
	kept   int
	spare  []memory[T]
	number int64
	// written are the positions of the last batch.
	written []Position
	// done are those that were found in the target, without the records in again.
	done  map[string]int64
	again map[Origin]bool
	// caughtUp says that the task has got to where the target stood when it was opened,
	// settled that a commit came since then.
	caughtUp, settled bool
}

func (b *batches[T]) add(item T) { b.items = append(b.items, item) }

func (b *batches[T]) Skip(at record.Metadata) bool {
	if at.Topic == "" || at.Offset >= b.done[at.Topic] {
		return false
	}
	return !b.again[Origin{at.Topic, at.Offset}]
}

func (b *batches[T]) Keep(at record.Metadata, raw *record.Raw) {
	if len(b.items) == b.kept {
		return
	}
	s := source{at: at}
	if raw != nil {
		s.raw, s.hasRaw = *raw, true
	}
	b.sources = append(b.sources, s)
	for ; b.kept < len(b.items); b.kept++ {
		b.of = append(b.of, len(b.sources)-1)
	}
}

func (b *batches[T]) Forget() {
	clear(b.items[b.kept:])
	b.items = b.items[:b.kept]
}

func (b *batches[T]) Begun() bool { return b.kept > 0 }

func (b *batches[T]) Full() bool { return b.kept >= b.limit }

func (b *batches[T]) Committed() { b.settled = b.caughtUp }

func (b *batches[T]) Close() error { return b.session.Close() }

func (b *batches[T]) Cut(at []Position) *Write {
	at = b.ahead(at)
	if b.kept == 0 && slices.Equal(at, b.written) {
		return nil
	}
	b.number++
	b.written = at
	full := b.memory
	for _, of := range full.of {
		full.origins = append(full.origins, full.sources[of].origin())
	}
	batch := &Batch[T]{Number: b.number, Items: full.items, Origins: full.origins, Positions: b.written, Settled: b.settled}
	b.memory, b.kept, b.settled = b.fresh(), 0, false
	return &Write{
		run:     func(ctx context.Context) ([]Refused, error) { return b.session.Write(ctx, batch) },
		sources: full.sources, of: full.of, done: func() { b.spare = append(b.spare, full.empty()) },
	}
}

// fresh is memory for another batch.
func (b *batches[T]) fresh() memory[T] {
	n := len(b.spare)
	if n == 0 {
		return memory[T]{}
	}
	m := b.spare[n-1]
	b.spare = b.spare[:n-1]
	return m
}

// memory is that of a batch. It is used again, since it is large.
type memory[T any] struct {
	// items are those of the batch. of tells the source of each that was kept.
	items   []T
	of      []int
	sources []source
	origins []Origin
}

// empty is the memory without what was in it.
func (m memory[T]) empty() memory[T] {
	clear(m.items)
	clear(m.sources)
	return memory[T]{m.items[:0], m.of[:0], m.sources[:0], m.origins[:0]}
}

// ahead are the positions to store: those of the task, but never lower than what was
// found in the target.
func (b *batches[T]) ahead(at []Position) []Position {
	b.caughtUp = true
	out := slices.Clone(at)
	for i, p := range out {
		if done := b.done[p.Topic]; done > p.Next {
			out[i].Next, b.caughtUp = done, false
		}
	}
	return out
}

func (s source) origin() Origin {
	if s.at.Topic == "" {
		return Origin{Offset: -1}
	}
	return Origin{s.at.Topic, s.at.Offset}
}
