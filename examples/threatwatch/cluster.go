package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is what the program, beside the topology, needs of Kafka. It remembers
// where the topics ended when the program began: what lies before is of others.
type cluster struct {
	addrs      []string
	client     *kgo.Client
	admin      *kadm.Client
	begin      kadm.ListedOffsets
	partitions int32 // of the raw topic, and so of the repartition topic
	latest     time.Time
}

// connect looks at the topics. The caller closes the cluster.
func connect(ctx context.Context, addrs []string) (*cluster, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return nil, err
	}
	c := &cluster{addrs: addrs, client: client, admin: kadm.NewClient(client)}
	// Topics that have just been created may not be known everywhere yet.
	err = until(ctx, "the topics to be there", func() (bool, error) { return notYet(c.look(ctx)) })
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// look finds out where the topics end.
func (c *cluster) look(ctx context.Context) (err error) {
	if c.begin, err = c.admin.ListEndOffsets(ctx, rawTopic, highTopic, countsTopic, alertsTopic); err != nil {
		return err
	}
	newest, err := c.admin.ListMaxTimestampOffsets(ctx, rawTopic)
	if err != nil {
		return err
	}
	c.partitions = int32(len(c.begin[rawTopic]))
	newest.Each(func(o kadm.ListedOffset) {
		if at := time.UnixMilli(o.Timestamp); o.Timestamp >= 0 && at.After(c.latest) {
			c.latest = at
		}
	})
	return errors.Join(c.begin.Error(), newest.Error())
}

// notYet says whether something is done, and takes a failure that passes for a
// reason to ask again.
func notYet(err error) (bool, error) {
	if kerr.IsRetriable(err) {
		return false, nil
	}
	return err == nil, err
}

func (c *cluster) close() { c.client.Close() }

// start is when a run begins in event time: at a full minute, some time ago, but
// behind all events that are there, since everything earlier would be late.
func (c *cluster) start(now time.Time, ago time.Duration) time.Time {
	at := now.Add(-ago)
	if c.latest.After(at) {
		at = c.latest
	}
	return at.Truncate(time.Minute).Add(time.Minute).UTC()
}

// committed says whether the topology has committed the raw topic up to ends.
// Then what it has made of it is committed too.
func (c *cluster) committed(ctx context.Context, ends map[int32]int64) (bool, error) {
	offsets, err := c.admin.FetchOffsets(ctx, application)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return len(ends) == 0, nil // the topology has not begun yet
	}
	if err != nil {
		return notYet(fmt.Errorf("offsets of group %s: %w", application, err))
	}
	for p, end := range ends {
		if at, ok := offsets.Lookup(rawTopic, p); !ok || at.At < end {
			return false, at.Err
		}
	}
	return true, nil
}

// reader reads what is committed in these topics since the program began. The
// caller closes it.
func (c *cluster) reader(topics ...string) (*kgo.Client, error) {
	from := map[string]map[int32]kgo.Offset{}
	for _, topic := range topics {
		from[topic] = c.begin.KOffsets()[topic]
	}
	return kgo.NewClient(
		kgo.SeedBrokers(c.addrs...),
		kgo.ConsumePartitions(from),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last record of a partition may be the marker that ends a transaction.
		// Seeing the markers is how a reader knows that it is at the end.
		kgo.KeepControlRecords(),
	)
}

// readBack reads a topic from where the program began to where it ends now.
func (c *cluster) readBack(ctx context.Context, topic string, take func(*kgo.Record) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	open := map[int32]int64{} // partitions to be read, to their ends
	for p, end := range ends[topic] {
		if end.Offset > c.begin[topic][p].Offset {
			open[p] = end.Offset
		}
	}
	client, err := c.reader(topic)
	if err != nil {
		return err
	}
	defer client.Close()
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read back %s: %w", topic, err)
		}
		for _, r := range fetches.Records() {
			if !r.Attrs.IsControl() {
				err = errors.Join(err, take(r))
			}
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
		}
		if err != nil {
			return fmt.Errorf("read back %s: %w", topic, err)
		}
	}
	return nil
}
