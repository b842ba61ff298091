package runtime

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// GroupOffset is an offset of a group that no worker is a member of, and what is kept
// beside it. Offset is -1 if there is none.
type GroupOffset struct {
	Offset   int64
	Metadata string
}

// FetchGroupOffsets returns what a group has committed for partitions of a topic. It
// waits for transactions that are about to change that.
func FetchGroupOffsets(ctx context.Context, client *kgo.Client, group, topic string, partitions []int32) (map[int32]GroupOffset, error) {
	fetched, err := fetchOffsets(ctx, client, group, map[string][]int32{topic: partitions})
	if err != nil {
		return nil, err
	}
	out := map[int32]GroupOffset{}
	for p, at := range fetched[topic] {
		out[p] = GroupOffset{at.offset, at.metadata}
	}
	return out, nil
}

// CommitGroupOffsets adds offsets of a group without members to the open transaction
// of a producer.
func CommitGroupOffsets(ctx context.Context, producer *kgo.Client, txnID, group, topic string, offsets map[int32]GroupOffset) error {
	commit := committedOffsets{topic: {}}
	for p, at := range offsets {
		commit[topic][p] = committedOffset{offset: at.Offset, leaderEpoch: -1, metadata: at.Metadata}
	}
	return newTxnCommitter(producer, txnID).commit(ctx, groupMember{group: group, generation: -1}, commit)
}
