package runtime

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
)

// prepareTopics checks that the user's topics exist and fit together, and creates
// or checks the internal ones.
func (w *Worker) prepareTopics(ctx context.Context, cl *kgo.Client) error {
	counts, err := w.sourceCounts(ctx, cl)
	if err != nil {
		return err
	}
	layout, err := w.plan.Resolve(counts)
	if err != nil {
		return err
	}
	w.globals.partitions = counts
	var want []internalTopic
	kinds := map[topology.TopicKind]topicKind{
		topology.RepartitionTopic: repartitionTopic, topology.ChangelogTopic: compactedChangelog, topology.WindowedChangelogTopic: windowedChangelog,
	}
	for _, t := range layout.Internal {
		want = append(want, internalTopic{name: t.Name, partitions: t.Partitions, kind: kinds[t.Kind], configs: t.Config})
	}
	return errors.Join(ensureTopics(ctx, cl, want, w.config.ReplicationFactor), w.checkSinks(ctx, cl))
}

// sourceCounts are the partitions of the topics that the plan reads.
func (w *Worker) sourceCounts(ctx context.Context, cl *kgo.Client) (map[string]int32, error) {
	topics := w.plan.ExternalTopics()
	var patterns []*regexp.Regexp
	for _, sub := range topicsOf(w.plan) {
		patterns = append(patterns, sub.patterns...)
	}
	if len(patterns) > 0 {
		all, err := kadm.NewClient(cl).ListTopics(ctx)
		if err != nil {
			return nil, explain(ctx, cl, err)
		}
		for _, name := range all.Names() {
			matches := func(p *regexp.Regexp) bool { return p.MatchString(name) }
			if slices.ContainsFunc(patterns, matches) && !slices.Contains(topics, name) {
				topics = append(topics, name)
			}
		}
	}
	return partitionCounts(ctx, cl, topics)
}

// checkSinks checks that the topics written to exist.
func (w *Worker) checkSinks(ctx context.Context, cl *kgo.Client) error {
	topics := w.plan.SinkTopics()
	for _, p := range [...]string{
		w.config.Policies.Decode.DeadLetterTopic(), w.config.Policies.Process.DeadLetterTopic(), w.config.Policies.Produce.DeadLetterTopic(),
	} {
		if p != "" && !slices.Contains(topics, p) {
			topics = append(topics, p)
		}
	}
	if len(topics) == 0 {
		return nil
	}
	seen, err := describeTopics(ctx, cl, topics)
	if err != nil {
		return err
	}
	var faults []error
	for _, name := range topics {
		if t, ok := seen[name]; !ok || !exists(t) {
			faults = append(faults, fmt.Errorf("sink topic %q does not exist: create it or check the name; it is not created automatically", name))
		}
	}
	return errors.Join(faults...)
}

// repartition says whether a topic is one of the plan's repartition topics.
func (w *Worker) repartition(topic string) bool {
	for _, sub := range w.plan.Subtopologies {
		for _, source := range sub.Sources {
			if source.Repartition && source.Topics[0] == topic {
				return true
			}
		}
	}
	return false
}

// purge deletes the records of repartition topics that have been processed.
func (w *Worker) purge() {
	if len(w.purgeable) == 0 {
		return
	}
	offsets := w.purgeable
	w.purgeable = map[string]map[int32]int64{}
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		ctx, cancel := context.WithTimeout(w.hard, brokerPatience)
		defer cancel()
		if err := purge(ctx, w.restorer.client, offsets); err != nil && w.hard.Err() == nil {
			w.log.Warn("purging repartition topics failed: it is tried again", "error", err)
		}
	}()
}

// topicLimits knows how many partitions topics have and how large their records
// may be. It is safe for concurrent use.
type topicLimits struct {
	client *kgo.Client
	mu     sync.Mutex
	bytes  map[string]int
	counts map[string]partitionCount
}

func newTopicLimits(client *kgo.Client) *topicLimits {
	return &topicLimits{client: client, bytes: map[string]int{}, counts: map[string]partitionCount{}}
}

// clientMaxBytes is how large a batch the producer makes by default, and so the
// largest record, whatever a topic would take.
const clientMaxBytes = 1_000_012

// maxBytes is how large a record of a topic may be: what the topic or the client
// allow, whichever is less.
func (l *topicLimits) maxBytes(topic string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n, ok := l.bytes[topic]; ok {
		return n
	}
	l.bytes[topic] = clientMaxBytes
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	configs, err := kadm.NewClient(l.client).DescribeTopicConfigs(ctx, topic)
	if err != nil || len(configs) != 1 || configs[0].Err != nil {
		return clientMaxBytes // without the right to ask, the client's limit has to do
	}
	for _, c := range configs[0].Configs {
		if n, err := strconv.Atoi(c.MaybeValue()); c.Key == "max.message.bytes" && err == nil {
			l.bytes[topic] = min(n, clientMaxBytes)
		}
	}
	return l.bytes[topic]
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
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
