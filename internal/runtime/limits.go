package runtime

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicLimits knows how many partitions topics have and how large the batches and
// records written to them may be. It is safe for concurrent use.
type topicLimits struct {
	client *kgo.Client
	mu     sync.Mutex
	bytes  map[string]int
	counts map[string]partitionCount
}

func newTopicLimits(client *kgo.Client) *topicLimits {
	return &topicLimits{client: client, bytes: map[string]int{}, counts: map[string]partitionCount{}}
}

// Limits of what is written at once, whatever a topic takes.
const (
	// unknownMaxBytes is believed of a topic whose configuration the worker may not
	// read. Kafka's default is a little more.
	unknownMaxBytes = 1_000_012
	// mostMaxBytes leaves room for more than one in the producer's buffer.
	mostMaxBytes = maxBufferedBytes / 2
)

// learn asks once for all of these topics how large a batch they take. What it
// does not get to know is asked for when it is needed.
func (l *topicLimits) learn(ctx context.Context, topics ...string) {
	if len(topics) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limitPatience)
	defer cancel()
	described, err := kadm.NewClient(l.client).DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, topic := range described {
		for _, c := range topic.Configs {
			if n, err := strconv.Atoi(c.MaybeValue()); c.Key == "max.message.bytes" && err == nil {
				l.bytes[topic.Name] = min(n, mostMaxBytes)
			}
		}
	}
}

// limitPatience is how long the broker may take to tell a limit.
const limitPatience = 5 * time.Second

// maxBytes is how large a batch a topic takes, and so a record.
func (l *topicLimits) maxBytes(topic string) int {
	if n, ok := l.known(topic); ok {
		return n
	}
	l.learn(context.Background(), topic)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.bytes[topic]; !ok {
		l.bytes[topic] = unknownMaxBytes
	}
	return l.bytes[topic]
}

func (l *topicLimits) known(topic string) (n int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok = l.bytes[topic]
	return n, ok
}

// batchBytes bounds the producer's batches. It does not ask: a sink has done so
// before it wrote its first record, and the other topics are known from the start.
func (l *topicLimits) batchBytes(topic string) int32 {
	if n, ok := l.known(topic); ok {
		return int32(n)
	}
	return unknownMaxBytes
}

// countAge is how long the number of a topic's partitions is believed.
const countAge = time.Minute

// partitions is how many partitions a topic has.
func (l *topicLimits) partitions(topic string) (int32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.counts[topic]; ok && time.Since(known.at) < countAge {
		return known.n, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), limitPatience)
	defer cancel()
	topics, err := kadm.NewClient(l.client).ListTopics(ctx, topic)
	if err == nil {
		err = topics[topic].Err
	}
	if err != nil {
		return 0, fmt.Errorf("look up the partitions of topic %q: %w", topic, err)
	}
	n := int32(len(topics[topic].Partitions))
	l.counts[topic] = partitionCount{n: n, at: time.Now()}
	return n, nil
}

type partitionCount struct {
	n  int32
	at time.Time
}
