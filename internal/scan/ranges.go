package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Range is a part of a partition: the offsets from From on, before To.
type Range struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Topic returns the ranges of all partitions of a topic, in their order, up to what
// is committed now.
func Topic(ctx context.Context, client *kgo.Client, topic string) ([]Range, error) {
	admin := kadm.NewClient(client)
	details, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("topic %q: %w", topic, err)
	}
	switch err := details[topic].Err; {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("topic %q does not exist", topic)
	case err != nil:
		return nil, fmt.Errorf("topic %q: %w", topic, err)
	}
	starts, err := offsets(ctx, admin.ListStartOffsets, topic)
	if err != nil {
		return nil, err
	}
	ends, err := offsets(ctx, admin.ListCommittedOffsets, topic)
	if err != nil {
		return nil, err
	}
	var ranges []Range
	for p, start := range starts {
		ranges = append(ranges, Range{topic, p, start.Offset, ends[p].Offset})
	}
	slices.SortFunc(ranges, func(a, b Range) int { return int(a.Partition - b.Partition) })
	return ranges, nil
}

func offsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]kadm.ListedOffset, error) {
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of topic %q: %w", topic, err)
	}
	return listed[topic], nil
}
