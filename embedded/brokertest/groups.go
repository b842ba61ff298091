package brokertest

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumer is a group member that counts the partitions it is given and loses.
type consumer struct {
	*kgo.Client

	mu            sync.Mutex
	held, revoked int
}

func (f *fixture) consumer(group, topic string, opts ...kgo.Opt) *consumer {
	f.Helper()
	c := new(consumer)
	count := func(partitions map[string][]int32) (n int) {
		for _, ps := range partitions {
			n += len(ps)
		}
		return n
	}
	c.Client = f.client(append(opts,
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.HeartbeatInterval(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.held += count(partitions)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.held -= count(partitions)
			c.revoked += count(partitions)
		}))...)
	return c
}

func (c *consumer) counts() (held, revoked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held, c.revoked
}

func (c *consumer) holds(n int) func() bool {
	return func() bool { held, _ := c.counts(); return held == n }
}

func cooperativeKeeps(f *fixture) {
	topic, group := f.topic(), unique("group")
	first := f.consumer(group, topic)
	f.until("the first member holds both partitions", first.holds(2))
	second := f.consumer(group, topic)
	f.until("the second member holds one partition", second.holds(1))
	if held, revoked := first.counts(); held != 1 || revoked != 1 {
		f.Errorf("the first member holds %d and lost %d partitions, want 1 and 1", held, revoked)
	}
}

func staticMemberComesBack(f *fixture) {
	topic, group := f.topic(), unique("group")
	before := f.consumer(group, topic, kgo.InstanceID("one"))
	f.until("the member holds both partitions", before.holds(2))
	_, generation := before.GroupMetadata()
	before.Close() // a static member does not leave the group

	after := f.consumer(group, topic, kgo.InstanceID("one"))
	f.until("the member that came back holds both partitions", after.holds(2))
	if _, g := after.GroupMetadata(); g != generation {
		f.Errorf("generation %d after the return, want %d as before", g, generation)
	}
}
