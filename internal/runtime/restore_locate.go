package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// locate finds the leaders of replays' partitions, and notices topics that have
// been recreated. Replays without a leader are in the outcome, for another try.
func (r *restorer) locate(ctx context.Context, replays []*replay) (map[int32][]*replay, outcome, error) {
	if len(replays) == 0 {
		return nil, outcome{}, nil
	}
	var topics []string
	asked := make(map[string]bool)
	for _, p := range replays {
		if !asked[p.topic] {
			asked[p.topic] = true
			topics = append(topics, p.topic)
		}
	}
	seen, err := describeTopics(ctx, r.client, topics)
	if err != nil {
		if ctx.Err() != nil {
			return nil, outcome{}, err
		}
		return nil, outcome{back: replays, cause: err}, nil
	}
	located := make(map[int32][]*replay)
	var homeless outcome
	for _, p := range replays {
		again, err := p.locate(seen[p.topic])
		switch {
		case err != nil && !again:
			return nil, outcome{}, p.wrap(withHint(err))
		case err != nil:
			homeless.back = append(homeless.back, p)
			homeless.cause = p.wrap(err)
		default:
			located[p.leader] = append(located[p.leader], p)
		}
	}
	return located, homeless, nil
}

// locate takes over what metadata says about the partition. It reports whether
// an error may go away.
func (p *replay) locate(t kmsg.MetadataResponseTopic) (again bool, err error) {
	err = kerr.ErrorForCode(t.ErrorCode)
	if t.Topic == nil || errors.Is(err, kerr.UnknownTopicOrPartition) {
		if p.missing.IsZero() {
			p.missing = time.Now()
		}
		return time.Since(p.missing) < topicPatience, fmt.Errorf("the topic does not exist: %w", kerr.UnknownTopicOrPartition)
	}
	if err != nil {
		return kerr.IsRetriable(err), err
	}
	p.missing = time.Time{}
	if t.TopicID != p.id {
		recreated := p.id != [16]byte{} && t.TopicID != [16]byte{}
		p.id = t.TopicID
		if recreated {
			if err := p.startOver(); err != nil {
				return false, err
			}
		}
	}
	for _, part := range t.Partitions {
		if part.Partition != p.partition {
			continue
		}
		if part.Leader < 0 {
			return true, kerr.LeaderNotAvailable
		}
		p.leader, p.epoch = part.Leader, part.LeaderEpoch
		return true, nil
	}
	return true, fmt.Errorf("the topic has %d partitions: %w", len(t.Partitions), kerr.UnknownTopicOrPartition)
}

// Special timestamps of a request for offsets.
const (
	logEnd   = -1
	logStart = -2
)

// bound finds start and end of the logs of replays that need it. The end is the
// high watermark under either guarantee: the last stable offset would leave out a
// transaction that has been committed but not marked yet.
func (r *restorer) bound(ctx context.Context, leader int32, replays []*replay) (ready []*replay, back outcome) {
	var unbounded []*replay
	for _, p := range replays {
		if p.bounded {
			ready = append(ready, p)
		} else {
			unbounded = append(unbounded, p)
		}
	}
	if len(unbounded) == 0 {
		return ready, outcome{}
	}
	starts, err := r.listOffsets(ctx, leader, unbounded, logStart)
	if err != nil {
		return ready, outcome{back: unbounded, cause: err}
	}
	ends, err := r.listOffsets(ctx, leader, unbounded, logEnd)
	if err != nil {
		return ready, outcome{back: unbounded, cause: err}
	}
	for _, p := range unbounded {
		tp := topicPartition{p.topic, p.partition}
		if err := cmp.Or(starts[tp].err, ends[tp].err); err != nil {
			back.cause = p.wrap(withHint(err))
			if !passing(err) && !errors.Is(err, kerr.UnknownTopicID) {
				back.fatal = back.cause
			}
			back.back = append(back.back, p)
			continue
		}
		if err := p.bound(starts[tp].offset, ends[tp].offset); err != nil {
			back.fatal = err
			return nil, back
		}
		ready = append(ready, p)
	}
	return ready, back
}

// bound decides where to go on in a log with this start and high watermark.
func (p *replay) bound(start, highWatermark int64) error {
	highWatermark = p.upTo(highWatermark)
	switch {
	case p.next > highWatermark, p.next >= 0 && p.next < start && !p.windowed:
		if err := p.startOver(); err != nil {
			return err
		}
		p.next, p.end = start, highWatermark
	case p.next < start:
		p.next = start
		fallthrough
	default:
		if p.end < 0 || highWatermark < p.end {
			p.end = highWatermark
		}
	}
	p.bounded = true
	p.note()
	return nil
}

// listedOffset is a leader's answer for one partition.
type listedOffset struct {
	offset int64
	err    error
}

// listOffsets asks a leader for an offset of each replay's log. A partition that
// the answer leaves out has an error.
func (r *restorer) listOffsets(ctx context.Context, leader int32, replays []*replay, at int64) (map[topicPartition]listedOffset, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	out := make(map[topicPartition]listedOffset, len(replays))
	index := make(map[string]int)
	for _, p := range replays {
		out[topicPartition{p.topic, p.partition}] = listedOffset{err: kerr.UnknownTopicOrPartition}
		i, known := index[p.topic]
		if !known {
			i = len(req.Topics)
			index[p.topic] = i
			rt := kmsg.NewListOffsetsRequestTopic()
			rt.Topic = p.topic
			req.Topics = append(req.Topics, rt)
		}
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch, rp.MaxNumOffsets = p.partition, at, p.epoch, 1
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	answer, err := r.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			out[topicPartition{t.Topic, p.Partition}] = listedOffset{p.Offset, kerr.ErrorForCode(p.ErrorCode)}
		}
	}
	return out, nil
}
