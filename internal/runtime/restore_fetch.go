package runtime

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What one answer of a leader may hold, compressed, and how long it may take to
// have something to say: an open transaction can keep a restore waiting.
const (
	restoreBytes          = 16 << 20
	restorePartitionBytes = 4 << 20
	restoreWait           = 500 * time.Millisecond
	// followBytes is what is worth an answer before restoreWait is over if targets are
	// followed: few large batches cost less than many small ones.
	followBytes = 64 << 10
)

// drain fetches from one leader until all of its replays are done. Those that
// have to look for another leader, or for their bounds, are handed over at once.
func (r *restorer) drain(ctx context.Context, leader int32, replays []*replay, hand func(outcome)) {
	live, out := r.bound(ctx, leader, replays)
	for {
		if out.any() {
			hand(out)
		}
		live = slices.DeleteFunc(live, (*replay).done)
		if out.fatal != nil || len(live) == 0 {
			return
		}
		asked := time.Now()
		resp, err := r.fetch(ctx, leader, live)
		if err != nil {
			out = outcome{back: live, cause: err}
			if errors.Is(err, kgo.ErrClientClosed) {
				out.fatal = err
			}
			live = nil
			continue
		}
		answers := make(map[*replay]*answer, len(live))
		for _, a := range r.consume(live, resp) {
			answers[a.p] = a
		}
		if live[0].endless && len(answers) > 0 {
			rest(ctx, answers, asked)
		}
		live, out = r.sort(live, answers, resp.ThrottleMillis > 0)
	}
}

// rest waits as long as a leader should have waited before it had nothing to say.
func rest(ctx context.Context, answers map[*replay]*answer, asked time.Time) {
	for _, a := range answers {
		if a.bytes > 0 {
			return
		}
	}
	timer := time.NewTimer(restoreWait - time.Since(asked))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// sort takes what an answer means for each replay and returns those that go on
// with this leader. The ones that got something go to the back, since a leader
// serves partitions in their order up to a limit for all of them.
func (r *restorer) sort(live []*replay, answers map[*replay]*answer, throttled bool) ([]*replay, outcome) {
	var out outcome
	empty, bytes := !throttled, 0
	for _, a := range answers {
		empty = empty && a.bytes == 0 && a.err == nil
		bytes += a.bytes
	}
	roomy := !throttled && bytes < restoreBytes/2 // nothing for one is nothing at all then
	var hungry, served []*replay
	for _, p := range live {
		a := answers[p]
		switch {
		case a == nil:
			hungry = append(hungry, p)
		case a.fatal:
			out.fatal = p.wrap(withHint(a.err))
		case a.err != nil:
			out.back, out.cause = append(out.back, p), p.wrap(a.err)
		case (empty || roomy && p.endless && a.bytes == 0) && p.skip(a.highWatermark, a.stable(r.readCommitted)):
			out.back = append(out.back, p)
		case a.bytes > 0:
			served = append(served, p)
		default:
			hungry = append(hungry, p)
		}
	}
	return append(hungry, served...), out
}

// skip deals with an answer in which the leader had nothing for anybody. If it
// says so twice, there are no records between the position and the offset up to
// which it shows any: compaction has left a gap at the end. If even the end of
// its log lies before the end that is waited for, then records have been lost,
// and skip says that the bounds have to be looked for again.
func (p *replay) skip(highWatermark, stable int64) (lost bool) {
	p.dry++
	if p.dry < 2 {
		return false
	}
	if stable > p.next {
		p.dry, p.next = 0, stable
		p.note()
		return false
	}
	if highWatermark < p.next || highWatermark == p.next && !p.endless {
		p.dry, p.bounded = 0, false
		return true
	}
	return false
}

func (r *restorer) fetch(ctx context.Context, leader int32, live []*replay) (*kmsg.FetchResponse, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(restoreWait.Milliseconds())
	req.MinBytes, req.MaxBytes = 1, restoreBytes
	if live[0].endless {
		req.MinBytes = followBytes
	}
	if r.readCommitted {
		req.IsolationLevel = 1
	}
	index := make(map[string]int)
	for _, p := range live {
		i, known := index[p.topic]
		if !known {
			i = len(req.Topics)
			index[p.topic] = i
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = p.topic, p.id
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.FetchOffset = p.partition, p.epoch, p.next
		rp.PartitionMaxBytes = restorePartitionBytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	got, err := r.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := got.(*kmsg.FetchResponse)
	return resp, kerr.ErrorForCode(resp.ErrorCode)
}

// answer is what a leader said about one partition.
type answer struct {
	p     *replay
	bytes int
	// err is why the partition cannot go on here; fatal if nowhere else either.
	err                             error
	fatal                           bool
	highWatermark, lastStableOffset int64
}

// stable is the offset up to which the leader shows records.
func (a *answer) stable(readCommitted bool) int64 {
	if readCommitted && a.lastStableOffset >= 0 {
		return a.lastStableOffset
	}
	return a.highWatermark
}

// consume applies a response, several partitions at a time.
func (r *restorer) consume(live []*replay, resp *kmsg.FetchResponse) []*answer {
	byName := make(map[topicPartition]*replay, len(live))
	names := make(map[[16]byte]string)
	for _, p := range live {
		byName[topicPartition{p.topic, p.partition}] = p
		names[p.id] = p.topic
	}
	var answers []*answer
	var applying sync.WaitGroup
	for _, t := range resp.Topics {
		if t.Topic == "" {
			t.Topic = names[t.TopicID]
		}
		for i := range t.Partitions {
			part := &t.Partitions[i]
			p := byName[topicPartition{t.Topic, part.Partition}]
			if p == nil {
				continue
			}
			a := &answer{p: p, bytes: len(part.RecordBatches), highWatermark: part.HighWatermark, lastStableOffset: part.LastStableOffset}
			answers = append(answers, a)
			r.applying <- struct{}{}
			applying.Go(func() {
				defer func() { <-r.applying }()
				a.err, a.fatal = r.apply(p, part)
				if p.endless && a.err == nil {
					p.end = a.stable(r.readCommitted)
					p.note()
				}
			})
		}
	}
	applying.Wait()
	return answers
}

// apply decodes one partition's part of a response and hands its records over.
// The position moves past everything decoded, records or not.
func (r *restorer) apply(p *replay, part *kmsg.FetchResponseTopicPartition) (err error, fatal bool) { //nolint:revive // fatal says what kind of error it is
	switch err := kerr.ErrorForCode(part.ErrorCode); {
	case errors.Is(err, kerr.OffsetOutOfRange):
		p.bounded = false
		return err, false
	case err != nil:
		return err, !kerr.IsRetriable(err)
	}
	opts := kgo.ProcessFetchPartitionOpts{Topic: p.topic, Partition: p.partition, Offset: p.next}
	if r.readCommitted {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	got, next := kgo.ProcessFetchPartition(opts, part, r.decompressor, nil)
	if got.Err != nil {
		return got.Err, true
	}
	if len(got.Records) > 0 {
		p.stateful = true
		if err := p.apply(got.Records); err != nil {
			return err, true
		}
		p.records += int64(len(got.Records))
	}
	if next > p.next {
		p.next, p.dry = next, 0
		p.note()
	}
	return nil, false
}
