package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// restoreTarget is one partition of a changelog and the local state it is for.
// Its callbacks are never called concurrently with each other; those of different
// targets may be.
type restoreTarget struct {
	topic     string
	partition int32
	// from is the next offset that the local state wants, or -1 if there is none.
	from int64
	// topicID is the topic's id when from was stored, or zero if it is unknown.
	topicID [16]byte
	// windowed means that records vanish from the log's start when they are no
	// longer needed, so that their absence is no reason to start over.
	windowed bool
	// limited means that the log is restored up to limit only, and not to its end:
	// a topic of the user, of which the records behind are yet to be processed.
	limited bool
	limit   int64
	// apply takes records in the order of their offsets, never control records,
	// and under exactly-once none of a transaction that was aborted.
	apply func(records []*kgo.Record) error
	// reset wipes local state that cannot be continued: the topic is another one
	// by now, or no longer has the records that come next.
	reset func() error
}

// upTo is an offset, or the limit if that comes before.
func (t *restoreTarget) upTo(offset int64) int64 {
	if t.limited {
		return min(offset, t.limit)
	}
	return offset
}

// cut leaves out the records behind the limit.
func (t *restoreTarget) cut(records []*kgo.Record) []*kgo.Record {
	for t.limited && len(records) > 0 && records[len(records)-1].Offset >= t.limit {
		records = records[:len(records)-1]
	}
	return records
}

// sight is what is known of a target that is followed.
type sight struct {
	// next is where it stands, end where the log showed its last record; -1 is unknown.
	next, end int64
	topicID   [16]byte
}

// follow is restore without an end: what is appended to the logs is applied until ctx
// ends, or until a target fails for good, with a *targetError, while the others go on
// from where they are when it is called again. see is called, concurrently for different
// targets, whenever a leader has told something of one.
func (r *restorer) follow(ctx context.Context, targets []restoreTarget, see func(target int, s sight)) error {
	replays := make([]*replay, len(targets))
	for i, t := range targets {
		p := &replay{restoreTarget: t, next: t.from, end: -1, id: t.topicID, stateful: t.from >= 0, endless: true}
		p.report = func() { see(i, sight{next: p.next, end: p.end, topicID: p.id}) }
		replays[i] = p
	}
	return r.replay(ctx, replays)
}

// targetError is the failure of one target.
type targetError struct {
	of  topicPartition
	err error
}

func (e *targetError) Error() string {
	return fmt.Sprintf("changelog %q partition %d: %v", e.of.topic, e.of.partition, e.err)
}

// Unwrap is why it failed.
func (e *targetError) Unwrap() error { return e.err }

// restored is where a target stands now.
type restored struct {
	// next is the offset to continue at.
	next    int64
	topicID [16]byte
	records int64
}

// restorer reads changelogs up to where they end. It asks the partitions' leaders
// itself instead of consuming, because only their answers tell that a position
// has passed gaps and markers in which there are no records.
type restorer struct {
	client *kgo.Client
	// readCommitted leaves aborted records out and waits for open transactions.
	readCommitted bool
	decompressor  kgo.Decompressor
	// applying bounds how many responses are decompressed at a time.
	applying chan struct{}
}

func newRestorer(client *kgo.Client, readCommitted bool) *restorer {
	return &restorer{
		client: client, readCommitted: readCommitted, decompressor: kgo.DefaultDecompressor(),
		applying: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// restore brings every target to the end that its log has at the start, which is
// checked before anything is fetched. A transaction that is still open there is
// waited for, since its outcome is not known. Failures of brokers are retried
// until ctx ends; an error of a callback, or one that no retry can mend, ends the
// restore. Everything that it starts has ended when it returns. The results are
// in the order of the targets and valid only without an error; progress, if not
// nil, is called concurrently for different targets.
func (r *restorer) restore(ctx context.Context, targets []restoreTarget, progress func(target int, position, end int64)) ([]restored, error) {
	replays := make([]*replay, len(targets))
	seen := make(map[topicPartition]bool)
	for i, t := range targets {
		tp := topicPartition{t.topic, t.partition}
		if seen[tp] {
			return nil, fmt.Errorf("topic %q partition %d is to be restored twice at once", t.topic, t.partition)
		}
		seen[tp] = true
		p := &replay{restoreTarget: t, next: t.from, end: -1, id: t.topicID, stateful: t.from >= 0}
		if progress != nil {
			p.report = func() { progress(i, p.next, p.end) }
		}
		replays[i] = p
	}
	if err := r.replay(ctx, replays); err != nil {
		return nil, err
	}
	out := make([]restored, len(replays))
	for i, p := range replays {
		out[i] = restored{next: p.next, topicID: p.id, records: p.records}
	}
	return out, nil
}

// replay is a target under way. It belongs to one goroutine at a time.
type replay struct {
	restoreTarget
	report func()
	// leader, epoch and id are from the newest metadata.
	leader, epoch int32
	id            [16]byte
	// next and end are valid while bounded; -1 is unknown. The end of a log may
	// come to lie earlier, when its records are lost, but not later.
	bounded   bool
	next, end int64
	records   int64
	// stateful means that there is something to reset.
	stateful bool
	// endless means that the end is not the end: more may come.
	endless bool
	// dry counts the answers in a row that had nothing for anybody.
	dry int
	// missing is since when no broker has known the topic.
	missing time.Time
}

func (p *replay) done() bool { return !p.endless && p.bounded && p.next >= p.end }

func (p *replay) note() {
	if p.report != nil {
		p.report()
	}
}

// startOver wipes the state, if there is any; the log's start comes next.
func (p *replay) startOver() error {
	p.next, p.end, p.bounded = -1, -1, false
	if !p.stateful {
		return nil
	}
	p.stateful = false
	if err := p.reset(); err != nil {
		return p.wrap(err)
	}
	return nil
}

func (p *replay) wrap(err error) error {
	return &targetError{topicPartition{p.topic, p.partition}, err}
}

// outcome is what became of replays that a leader was asked for.
type outcome struct {
	// back are those that have to look for a leader or for their bounds again.
	back []*replay
	// cause is why there are any.
	cause error
	// fatal ends the whole restore.
	fatal error
	// ended means that the leader's goroutine has ended.
	ended bool
}

func (o outcome) any() bool { return len(o.back) > 0 || o.fatal != nil }

// replay runs all replays to their ends, each leader's in a goroutine of its own.
func (r *restorer) replay(ctx context.Context, pending []*replay) error {
	ctx, cancel := context.WithCancel(ctx)
	run := &replayRun{restorer: r, results: make(chan outcome), pending: pending}
	defer run.end()
	defer cancel()
	for len(run.pending)+run.active > 0 {
		if err := run.start(ctx); err != nil {
			return err
		}
		if err := run.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replayRun is what one call of replay has under way.
type replayRun struct {
	*restorer
	results chan outcome
	// active is how many goroutines have not ended.
	active  int
	pending []*replay
	attempt int
	// cause is the last failure that was retried, except for the end of ctx.
	cause error
}

// start hands the pending replays to goroutines of their leaders.
func (run *replayRun) start(ctx context.Context) error {
	located, homeless, err := run.locate(ctx, run.pending)
	if err != nil {
		return err
	}
	run.pending = nil
	for leader, replays := range located {
		run.active++
		go func() {
			run.drain(ctx, leader, replays, func(o outcome) { run.results <- o })
			run.results <- outcome{ended: true}
		}()
	}
	return run.take(homeless)
}

// wait returns when there is something to start again, or nothing any more.
func (run *replayRun) wait(ctx context.Context) error {
	if len(run.pending) == 0 && run.active > 0 {
		if err := run.take(<-run.results); err != nil {
			return err
		}
	}
	if len(run.pending) == 0 {
		run.attempt = 0
		return nil
	}
	timer := time.NewTimer(backoff(run.attempt))
	defer timer.Stop()
	run.attempt++
	for {
		select {
		case got := <-run.results:
			if err := run.take(got); err != nil {
				return err
			}
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), run.cause)
		}
	}
}

func (run *replayRun) take(got outcome) error {
	if got.ended {
		run.active--
	}
	run.pending = append(run.pending, got.back...)
	if got.cause != nil && !errors.Is(got.cause, context.Canceled) && !errors.Is(got.cause, context.DeadlineExceeded) {
		run.cause = got.cause
	}
	return got.fatal
}

// end waits for every goroutine, whose context has ended.
func (run *replayRun) end() {
	for run.active > 0 {
		_ = run.take(<-run.results)
	}
}
