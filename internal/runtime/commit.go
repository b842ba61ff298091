package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
)

// committer makes what the tasks have written durable together with the offsets
// that it came from. There are two: atLeastOnce and exactlyOnce.
type committer interface {
	// begin comes before the first output and after every commit.
	begin(ctx context.Context) error
	// commit makes all outputs durable, then the offsets, or both at once. wrote
	// says whether there were any outputs.
	commit(ctx context.Context, offsets committedOffsets, wrote bool) error
	// abort gives up the outputs since begin, as far as that is possible.
	abort(ctx context.Context) error
}

// commit commits what all tasks have done. The lanes stop at a record boundary
// while it lasts.
func (w *Worker) commit() error {
	worked := w.emitter.produced.Load()
	for _, l := range w.lanes {
		worked = l.worked.Swap(false) || worked
	}
	if !worked {
		return nil
	}
	return w.commitAnd(nil)
}

// commitAnd commits and, while the lanes still stand, does something more.
func (w *Worker) commitAnd(then func()) error {
	if err := w.drain(); err != nil {
		return err
	}
	began := time.Now()
	release, err := w.pause(true)
	defer release()
	if err != nil {
		return err
	}
	offsets := committedOffsets{}
	var positions []task.Position
	for _, h := range w.hosted {
		positions = h.task.Positions(positions)
	}
	for _, p := range positions {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]committedOffset{}
		}
		meta := offsetMetadata{time: p.Time, progress: p.Progress}
		offsets[p.Topic][p.Partition] = committedOffset{offset: p.Offset, leaderEpoch: -1, metadata: meta.encode()}
	}
	wrote := w.emitter.produced.Load()
	if len(offsets) > 0 || wrote {
		if err := w.commits.commit(w.hard, offsets, wrote); err != nil {
			w.counts.committed(0, err)
			return fmt.Errorf("commit: %w", err)
		}
		w.emitter.produced.Store(false)
		w.committed(positions)
		took := time.Since(began)
		w.counts.committed(took, nil)
		w.observe(Event{Kind: Committed, Took: took})
	}
	if then != nil {
		then()
	}
	return nil
}

// committed notes what a commit has made true.
func (w *Worker) committed(positions []task.Position) {
	w.retries = 0
	for _, h := range w.hosted {
		h.task.Committed()
		h.follow(w.plan.Subtopologies[h.id.Subtopology].Stores, positions)
	}
	for _, p := range positions {
		if w.repartition(p.Topic) {
			if w.purgeable[p.Topic] == nil {
				w.purgeable[p.Topic] = map[int32]int64{}
			}
			w.purgeable[p.Topic][p.Partition] = p.Offset
		}
	}
	w.checkpointDue()
}

// pause stops all lanes at a record boundary, flushed if asked for, until release
// is called. All lanes flush at the same time.
func (w *Worker) pause(flush bool) (release func(), err error) {
	var arrived sync.WaitGroup
	resume := make(chan struct{})
	errs := make([]error, len(w.lanes))
	for i, l := range w.lanes {
		arrived.Add(1)
		l.control <- func() {
			if flush {
				errs[i] = l.flush()
			}
			arrived.Done()
			<-resume
			l.drained = nil
		}
	}
	arrived.Wait()
	return func() { close(resume) }, errors.Join(errs...)
}

// atLeastOnce commits offsets behind the outputs that belong to them.
type atLeastOnce struct {
	producer *kgo.Client
	member   func() groupMember
	lost     *atomic.Bool
}

func newAtLeastOnce(producer *kgo.Client, member func() groupMember, lost *atomic.Bool) committer {
	return &atLeastOnce{producer: producer, member: member, lost: lost}
}

func (c *atLeastOnce) begin(context.Context) error { return nil }

func (c *atLeastOnce) commit(ctx context.Context, offsets committedOffsets, _ bool) error {
	if err := c.producer.Flush(ctx); err != nil {
		return err
	}
	return asMember(ctx, c.member, c.lost, func(m groupMember) error {
		return commitOffsets(ctx, c.producer, m, offsets)
	})
}

func (c *atLeastOnce) abort(context.Context) error { return nil }

// exactlyOnce commits offsets and outputs in one transaction.
type exactlyOnce struct {
	producer *kgo.Client
	offsets  *txnCommitter
	member   func() groupMember
	lost     *atomic.Bool
}

func newExactlyOnce(producer *kgo.Client, txnID string, member func() groupMember, lost *atomic.Bool) committer {
	return &exactlyOnce{producer: producer, offsets: newTxnCommitter(producer, txnID), member: member, lost: lost}
}

// begin asks for the producer's id if it has none yet, which fences earlier
// producers with the same transactional id and ends their transaction.
func (c *exactlyOnce) begin(ctx context.Context) error {
	if _, _, err := c.producer.ProducerID(ctx); err != nil {
		return err
	}
	return c.producer.BeginTransaction()
}

// commit ends the transaction. Where nothing was written there is none on the
// broker, so that the offsets are committed by themselves.
func (c *exactlyOnce) commit(ctx context.Context, offsets committedOffsets, wrote bool) error {
	if !wrote {
		return asMember(ctx, c.member, c.lost, func(m groupMember) error {
			return commitOffsets(ctx, c.producer, m, offsets)
		})
	}
	if err := c.producer.Flush(ctx); err != nil {
		return err
	}
	err := asMember(ctx, c.member, c.lost, func(m groupMember) error { return c.offsets.commit(ctx, m, offsets) })
	if err != nil {
		return err
	}
	if err := c.producer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	return c.begin(ctx)
}

func (c *exactlyOnce) abort(ctx context.Context) error {
	if err := c.producer.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return c.producer.EndTransaction(ctx, kgo.TryAbort)
}

// memberPatience is how long a commit waits for a rebalance to settle, and pause
// how long between two tries.
const (
	memberPatience = 30 * time.Second
	memberPause    = 10 * time.Millisecond
)

// asMember commits in the name of the group's member. While the group rebalances
// it refuses commits, or knows the member in a newer generation already: the
// tasks are still the worker's, unless it has been told that they are lost.
func asMember(ctx context.Context, member func() groupMember, lost *atomic.Bool, commit func(groupMember) error) error {
	ctx, cancel := context.WithTimeout(ctx, memberPatience)
	defer cancel()
	for {
		if lost.Load() {
			return errLost
		}
		err := commit(member())
		if !errors.Is(err, kerr.RebalanceInProgress) && !errors.Is(err, kerr.IllegalGeneration) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(memberPause):
		}
	}
}
