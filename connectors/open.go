package connectors

import (
	"context"
	"fmt"
)

// Input is one topic that a task reads, in its partition.
type Input struct {
	Topic string
	// Next is where the task begins to read, Committed what is committed, or -1, First
	// the first offset that there is, and End the one behind the last, or -1.
	Next, Committed, First, End int64
	// Fixed says that the task cannot go back: its stores hold what is committed.
	Fixed bool
}

// openBatches opens a session, compares what it has stored with what is committed and
// sets the positions from which on records are written.
func openBatches[T any](ctx context.Context, target Target[T], t Task, inputs []Input, set settings) (*batches[T], error) {
	session, err := target.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	b := &batches[T]{session: session, limit: set.items, done: map[string]int64{}, again: map[Origin]bool{}}
	if err := b.begin(ctx, t, inputs, set); err != nil {
		_ = session.Close()
		return nil, err
	}
	return b, nil
}

func (b *batches[T]) begin(ctx context.Context, t Task, inputs []Input, set settings) error {
	stored, err := b.session.Load(ctx)
	if err != nil {
		return err
	}
	for _, p := range stored.Positions {
		b.done[p.Topic] = p.Next
	}
	for _, o := range stored.Refused {
		b.again[o] = true
	}
	for i := range inputs {
		in := &inputs[i]
		next, ok := b.done[in.Topic]
		if ok && in.End >= 0 && next > in.End {
			if set.loss != Accept {
				return fmt.Errorf("%w: topic %q, partition %d ends at offset %d, the target stands at %d: was the topic made anew? Give the sink another name, or choose OnLoss(Accept)", ErrAhead, in.Topic, t.Partition, in.End, next)
			}
			delete(b.done, in.Topic)
			continue
		}
		if in.Committed < 0 || ok && next >= in.Committed {
			continue
		}
		if err := lost(in, next, ok, t, set.loss); err != nil {
			return err
		}
	}
	at := make([]Position, len(inputs))
	for i, in := range inputs {
		at[i] = Position{in.Topic, max(in.Next, b.done[in.Topic])}
	}
	return b.mark(ctx, at)
}

// mark stores the positions to begin with, so that their absence means a loss.
func (b *batches[T]) mark(ctx context.Context, at []Position) error {
	b.number, b.written = 1, at
	_, err := b.session.Write(ctx, &Batch[T]{Number: 1, Positions: at})
	return err
}

// lost does what is to be done about an input of which the target holds less than was
// committed.
func lost(in *Input, next int64, known bool, t Task, loss Loss) error {
	if !known {
		next = in.First
	}
	again := loss == Rebuild || loss == RebuildRest
	gone := next < in.First || !known && in.First > 0
	switch {
	case loss == Accept:
		return nil
	case again && !in.Fixed && (!gone || loss == RebuildRest):
		in.Next = max(next, in.First)
		return nil
	}
	found := "holds no position"
	if known {
		found = fmt.Sprintf("stands at offset %d", next)
	}
	err := fmt.Errorf("%w: topic %q, partition %d is committed up to offset %d, the target %s", ErrLost, in.Topic, t.Partition, in.Committed, found)
	switch {
	case again && in.Fixed:
		return fmt.Errorf("%w; Rebuild cannot read a topic again for a task that has stores: write the table to a topic and give that to the sink, or reset the application", err)
	case again:
		return fmt.Errorf("%w; Rebuild cannot read what was deleted: the topic begins at offset %d. Restore the target, or choose OnLoss(RebuildRest) to do with what is left", err, in.First)
	}
	return fmt.Errorf("%w: restore the target, or choose OnLoss(Rebuild) or OnLoss(Accept)", err)
}
