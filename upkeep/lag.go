package upkeep

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Lag is how far an application is behind.
type Lag struct {
	Application string `json:"application"`
	// State is that of its consumer group, such as Stable or Empty.
	State      string         `json:"state"`
	Members    int            `json:"members"`
	Total      int64          `json:"total"`
	Partitions []PartitionLag `json:"partitions"`
}

// PartitionLag is how far an application is behind in one partition.
type PartitionLag struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Committed is the position of the application, or -1 before its first commit, and
	// End that of the newest record.
	Committed int64 `json:"committed"`
	End       int64 `json:"end"`
	Lag       int64 `json:"lag"`
	// Client is the client that has the partition, if any has.
	Client string `json:"client,omitempty"`
}

// Lag tells how far an application is behind in all partitions that it has committed
// offsets of or reads now.
func (c *Client) Lag(ctx context.Context, application string) (Lag, error) {
	group, err := c.group(ctx, application)
	if err != nil {
		return Lag{}, err
	}
	committed, err := c.committed(ctx, application)
	if err != nil {
		return Lag{}, err
	}
	if group.State == "Dead" && len(committed) == 0 {
		return Lag{}, fmt.Errorf("upkeep: application %q: %w", application, ErrNothing)
	}
	topics := committed.Partitions()
	topics.Merge(group.AssignedPartitions())
	starts, ends, err := c.bounds(ctx, topics.Topics()...)
	if err != nil {
		return Lag{}, err
	}
	out := Lag{Application: application, State: group.State, Members: len(group.Members)}
	for _, g := range kadm.CalculateGroupLagWithStartOffsets(group, committed, starts, ends).Sorted() {
		if g.Err != nil {
			continue // a topic that is gone
		}
		p := PartitionLag{Topic: g.Topic, Partition: g.Partition, Committed: g.Commit.At, End: g.End.Offset, Lag: max(g.Lag, 0)}
		if p.Committed < 0 {
			p.Lag = g.End.Offset - g.Start.Offset
		}
		if g.Member != nil {
			p.Client = g.Member.ClientID
		}
		out.Total += p.Lag
		out.Partitions = append(out.Partitions, p)
	}
	slices.SortFunc(out.Partitions, func(a, b PartitionLag) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out, nil
}

// bounds are the first and the next offset of all partitions of topics.
func (c *Client) bounds(ctx context.Context, topics ...string) (starts, ends kadm.ListedOffsets, err error) {
	if len(topics) == 0 {
		return nil, nil, nil
	}
	if starts, err = c.admin.ListStartOffsets(ctx, topics...); err == nil {
		ends, err = c.admin.ListEndOffsets(ctx, topics...)
	}
	if err != nil {
		err = fmt.Errorf("upkeep: offsets: %w", err)
	}
	return starts, ends, err
}
