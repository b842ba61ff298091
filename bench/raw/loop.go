package raw

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// work is what a loop does with its records.
type work interface {
	// record handles one record of the input.
	record(r *kgo.Record, p *producer) error
	// commit writes what has been held back; offsets are committed next. last says
	// that all of the input has been handled.
	commit(p *producer, last bool)
}

// never is the commit interval of a loop that commits at the end only.
const never = time.Duration(math.MaxInt64 / 2)

// loop reads the input once, to its end, and then waits until ctx ends.
type loop struct {
	Config
	work    work
	handled int
	started sync.Once
}

func (l *loop) run(ctx context.Context) error {
	assigned := kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
		l.started.Do(l.Started)
	})
	opts := append(l.options(), assigned)
	var err error
	if l.ExactlyOnce {
		err = l.exactlyOnce(ctx, opts)
	} else {
		err = l.atLeastOnce(ctx, opts)
	}
	if ctx.Err() != nil && isContext(err) {
		return nil
	}
	return err
}

func (l *loop) atLeastOnce(ctx context.Context, opts []kgo.Opt) error {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer cl.Close()
	p := &producer{client: cl, ctx: ctx}
	for ctx.Err() == nil {
		n, err := l.collect(ctx, cl.PollFetches, p)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		l.work.commit(p, l.handled == l.Records)
		if err := errors.Join(cl.Flush(ctx), p.err()); err != nil {
			return fmt.Errorf("raw: produce: %w", err)
		}
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			return fmt.Errorf("raw: commit: %w", err)
		}
	}
	return nil
}

func (l *loop) exactlyOnce(ctx context.Context, opts []kgo.Opt) error {
	session, err := kgo.NewGroupTransactSession(opts...)
	if err != nil {
		return err
	}
	defer session.Close()
	p := &producer{client: session.Client(), ctx: ctx}
	for ctx.Err() == nil {
		if err := session.Begin(); err != nil {
			return fmt.Errorf("raw: begin: %w", err)
		}
		_, err := l.collect(ctx, session.PollFetches, p)
		if err != nil {
			return err
		}
		l.work.commit(p, l.handled == l.Records)
		committed, err := session.End(ctx, kgo.TryCommit)
		if err := errors.Join(err, p.err()); err != nil {
			return fmt.Errorf("raw: end transaction: %w", err)
		}
		if !committed {
			return errors.New("raw: a transaction was aborted, which this loop does not recover from")
		}
	}
	return nil
}

// collect handles records until a commit is due: after the commit interval, or
// when the input has been read to its end. It tells how many there were.
func (l *loop) collect(ctx context.Context, poll func(context.Context) kgo.Fetches, p *producer) (n int, err error) {
	due, cancel := context.WithTimeout(ctx, l.Commit)
	defer cancel()
	for due.Err() == nil {
		fetches := poll(due)
		if err := faults(fetches); err != nil {
			return n, err
		}
		fetches.EachPartition(func(partition kgo.FetchTopicPartition) {
			for _, r := range partition.Records {
				if err == nil {
					err = l.work.record(r, p)
				}
			}
			n += len(partition.Records)
		})
		if err != nil {
			return n, err
		}
		if l.handled+n == l.Records && n > 0 {
			break
		}
	}
	l.handled += n
	return n, ctx.Err()
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
