package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// commitAttempts bounds how often a commit is sent, for about five seconds.
	commitAttempts = 15
	// topicIDAge is how old a topic's id may be before it is asked for again.
	topicIDAge = 10 * time.Minute
)

// committedOffset is what the group has committed for a partition: the next
// offset to be processed, or -1 if there is none.
type committedOffset struct {
	offset int64
	// leaderEpoch is that of the last processed record, or -1.
	leaderEpoch int32
	metadata    string
}

// committedOffsets are by topic and partition.
type committedOffsets map[string]map[int32]committedOffset

// groupMember is in whose name offsets are committed; a group that has gone on
// without this member refuses them.
type groupMember struct {
	group, memberID string
	generation      int32
	instanceID      *string
}

// fetchOffsets returns what the group has committed for these partitions; each
// of them is in the result, also if there is no such group yet. It waits until no transaction is pending on them:
// until then their outcome is not known, and it ends with ctx.
func fetchOffsets(ctx context.Context, cl *kgo.Client, group string, partitions map[string][]int32) (committedOffsets, error) {
	out := make(committedOffsets, len(partitions))
	if len(partitions) == 0 {
		return out, nil
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group = group
	for _, topic := range slices.Sorted(maps.Keys(partitions)) {
		rt := kmsg.NewOffsetFetchRequestGroupTopic()
		rt.Topic, rt.Partitions = topic, partitions[topic]
		one.Topics = append(one.Topics, rt)
		out[topic] = make(map[int32]committedOffset, len(partitions[topic]))
		for _, p := range partitions[topic] {
			out[topic][p] = committedOffset{offset: -1, leaderEpoch: -1}
		}
	}
	req.Groups = append(req.Groups, one)
	err := retry(ctx, func() (bool, error) {
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return kerr.IsRetriable(err), withHint(err)
		}
		v := verdict{patient: true}
		for _, g := range resp.Groups {
			if g.ErrorCode != kerr.GroupIDNotFound.Code {
				v.add("", -1, g.ErrorCode)
			}
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					v.add(t.Topic, p.Partition, p.ErrorCode)
					if _, wanted := out[t.Topic][p.Partition]; wanted && p.ErrorCode == 0 {
						out[t.Topic][p.Partition] = committedOffset{p.Offset, p.LeaderEpoch, deref(p.Metadata)}
					}
				}
			}
		}
		return v.result()
	})
	if err != nil {
		return nil, fmt.Errorf("fetching the offsets of group %q: %w", group, err)
	}
	return out, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// retry calls attempt until it succeeds, says that it is of no use to go on, or
// ctx ends; then the last error of an attempt is in the result as well.
func retry(ctx context.Context, attempt func() (again bool, err error)) error {
	for n := 0; ; n++ {
		again, err := attempt()
		if err == nil || !again {
			return err
		}
		if cause := pause(ctx, n); cause != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
	}
}

// retryBriefly is retry for a while that nothing else waits for longer.
func retryBriefly(ctx context.Context, attempt func() (again bool, err error)) error {
	left := commitAttempts
	return retry(ctx, func() (bool, error) {
		again, err := attempt()
		left--
		return again && left > 0, err
	})
}

// verdict collects the errors of a response's partitions.
type verdict struct {
	faults []error
	final  bool
	// patient means that a topic may not be known yet everywhere.
	patient bool
}

// add takes a partition's error code; partition -1 stands for the whole request.
func (v *verdict) add(topic string, partition int32, code int16) {
	err := kerr.ErrorForCode(code)
	if err == nil {
		return
	}
	v.final = v.final || !passing(err) && !(v.patient && errors.Is(err, kerr.UnknownTopicID))
	if partition < 0 {
		v.faults = append(v.faults, withHint(err))
		return
	}
	v.faults = append(v.faults, fmt.Errorf("topic %q partition %d: %w", topic, partition, withHint(err)))
}

// result says whether another attempt may mend it all, and what is wrong.
func (v *verdict) result() (again bool, err error) {
	return !v.final, errors.Join(v.faults...)
}

// passing says whether an error goes away without the caller's doing. A topic id
// that is unknown does not: the topic has been deleted. A rebalance does not.
func passing(err error) bool {
	switch {
	case errors.Is(err, kerr.ConcurrentTransactions):
		return true
	case errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.RebalanceInProgress):
		return false
	}
	return kerr.IsRetriable(err)
}

// topicIDs returns the ids of topics, from the client's cache where it has them.
// Requests of newer brokers name topics by id; older brokers have none.
func topicIDs(ctx context.Context, cl *kgo.Client, offsets committedOffsets) (map[string][16]byte, error) {
	req := kmsg.NewPtrMetadataRequest()
	for topic := range offsets {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := cl.RequestCachedMetadata(ctx, req, topicIDAge)
	if err != nil {
		return nil, err
	}
	ids := make(map[string][16]byte, len(offsets))
	for _, t := range resp.Topics {
		if t.Topic != nil {
			ids[*t.Topic] = t.TopicID
		}
	}
	return ids, nil
}

// commitOffsets commits offsets outside any transaction. Every partition that
// the group refuses is in the error; what passes by itself, such as a coordinator
// that moves, is waited for briefly. A rebalance is the caller's to deal with.
func commitOffsets(ctx context.Context, cl *kgo.Client, m groupMember, offsets committedOffsets) error {
	if len(offsets) == 0 {
		return nil
	}
	ids, err := topicIDs(ctx, cl, offsets)
	if err != nil {
		return fmt.Errorf("committing offsets of group %q: %w", m.group, err)
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation, req.InstanceID = m.group, m.memberID, m.generation, m.instanceID
	names := make(map[[16]byte]string)
	for _, topic := range slices.Sorted(maps.Keys(offsets)) {
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic, rt.TopicID = topic, ids[topic]
		names[rt.TopicID] = topic
		for p, at := range offsets[topic] {
			rp := kmsg.NewOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, at.offset, at.leaderEpoch, &at.metadata
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	err = retryBriefly(ctx, func() (bool, error) {
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return kerr.IsRetriable(err), withHint(err)
		}
		var v verdict
		for _, t := range resp.Topics {
			if t.Topic == "" {
				t.Topic = names[t.TopicID]
			}
			for _, p := range t.Partitions {
				v.add(t.Topic, p.Partition, p.ErrorCode)
			}
		}
		return v.result()
	})
	if err != nil {
		return fmt.Errorf("committing offsets of group %q: %w", m.group, err)
	}
	return nil
}
