package scan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Read hands the records of ranges to each, one range after another, until it fails
// or all are read.
func Read(ctx context.Context, client *kgo.Client, ranges []Range, each func(*kgo.Record) error) error {
	for _, r := range ranges {
		s := reader{Range: r, client: client, next: r.From, each: each}
		if err := s.run(ctx); err != nil {
			return fmt.Errorf("read %s/%d: %w", r.Topic, r.Partition, err)
		}
	}
	return nil
}

// reader reads one range.
type reader struct {
	Range
	client *kgo.Client
	each   func(*kgo.Record) error
	next   int64
	leader int32
	id     [16]byte
	known  bool // the leader
	// dry counts answers in a row without records, failures those that asked for
	// another attempt.
	dry, failures int
	decompressor  kgo.Decompressor
}

// refusedError is an error of the one who reads, which says nothing about the broker,
// whatever it looks like.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }

const (
	maxBytes = 8 << 20
	maxWait  = 100 * time.Millisecond
	// A leader that moves is looked for this often, with that pause.
	maxFailures = 50
	pause       = 200 * time.Millisecond
)

func (r *reader) run(ctx context.Context) error {
	r.decompressor = kgo.DefaultDecompressor()
	for r.next < r.To {
		err := r.fetch(ctx)
		var refused *refusedError
		switch {
		case err == nil:
		case errors.As(err, &refused):
			return refused.err
		case errors.Is(err, kerr.OffsetOutOfRange):
			err = r.skipDeleted(ctx)
		case kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err):
			err = r.backOff(ctx, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) backOff(ctx context.Context, cause error) error {
	r.known = false
	if r.failures++; r.failures > maxFailures {
		return cause
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// skipDeleted goes on behind records that were deleted meanwhile.
func (r *reader) skipDeleted(ctx context.Context) error {
	starts, err := offsets(ctx, kadm.NewClient(r.client).ListStartOffsets, r.Topic)
	if err != nil {
		return err
	}
	start := starts[r.Partition].Offset
	if start <= r.next {
		return fmt.Errorf("the partition ends before offset %d: has the topic been made anew?", r.next)
	}
	r.next = start
	return nil
}

func (r *reader) locate(ctx context.Context) error {
	details, err := kadm.NewClient(r.client).ListTopics(ctx, r.Topic)
	if err != nil {
		return err
	}
	detail := details[r.Topic]
	if detail.Err != nil {
		return detail.Err
	}
	part := detail.Partitions[r.Partition]
	r.leader, r.id, r.known = part.Leader, detail.ID, true
	return part.Err
}

// fetch asks the leader for records at the position and hands them over.
func (r *reader) fetch(ctx context.Context) error {
	if !r.known {
		if err := r.locate(ctx); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel = int32(maxWait.Milliseconds()), 1, maxBytes, 1
	topic, part := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = r.Partition, r.next, maxBytes
	topic.Topic, topic.TopicID, topic.Partitions = r.Topic, r.id, append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	got, err := r.client.Broker(int(r.leader)).Request(ctx, req)
	if err != nil {
		return err
	}
	resp := got.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return errors.New("the broker answered for other partitions")
	}
	return r.take(&resp.Topics[0].Partitions[0])
}

// take hands over what an answer holds. Two answers in a row that lead no further say
// that there are no records left before the end of the range.
func (r *reader) take(part *kmsg.FetchResponseTopicPartition) error {
	if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
		return err
	}
	opts := kgo.ProcessFetchPartitionOpts{Topic: r.Topic, Partition: r.Partition, Offset: r.next, IsolationLevel: kgo.ReadCommitted()}
	got, next := kgo.ProcessFetchPartition(opts, part, r.decompressor, nil)
	if got.Err != nil {
		return got.Err
	}
	for _, record := range got.Records {
		if record.Offset >= r.To {
			break
		}
		if err := r.each(record); err != nil {
			return &refusedError{err}
		}
	}
	if next > r.next {
		r.next, r.dry, r.failures = next, 0, 0
		return nil
	}
	if r.dry++; r.dry >= 2 && part.LastStableOffset >= r.To {
		r.next = r.To
	}
	return nil
}
