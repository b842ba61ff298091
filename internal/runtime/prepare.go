package runtime

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/topology"
)

// prepareTopics checks that the user's topics exist and fit together, and creates
// or checks the internal ones.
func (w *Worker) prepareTopics(ctx context.Context, cl *kgo.Client) error {
	counts, want, err := w.neededTopics(ctx, cl)
	if err != nil {
		return err
	}
	w.globals.partitions = counts
	w.written = append(topicNames(want), w.sinks()...)
	return errors.Join(ensureTopics(ctx, cl, want, w.config.ReplicationFactor), w.checkSinks(ctx, cl))
}

// neededTopics are the internal topics that follow from the partitions which the topics
// of the user have now.
func (w *Worker) neededTopics(ctx context.Context, cl *kgo.Client) (counts map[string]int32, want []internalTopic, err error) {
	if counts, err = w.sourceCounts(ctx, cl); err != nil {
		return nil, nil, err
	}
	layout, err := w.plan.Resolve(counts)
	if err != nil {
		return nil, nil, err
	}
	kinds := map[topology.TopicKind]topicKind{
		topology.RepartitionTopic: repartitionTopic, topology.ChangelogTopic: compactedChangelog, topology.WindowedChangelogTopic: windowedChangelog,
	}
	for _, t := range layout.Internal {
		want = append(want, internalTopic{name: t.Name, partitions: t.Partitions, kind: kinds[t.Kind], configs: t.Config})
	}
	return counts, want, nil
}

// checkGrowth checks the topics again if tasks read partitions that were not there at the
// start. A task without a partition of its changelog, say, could never be restored.
func (w *Worker) checkGrowth(ctx context.Context, cl *kgo.Client, tasks []*hosted) error {
	if !slices.ContainsFunc(tasks, w.grown) {
		return nil
	}
	_, want, err := w.neededTopics(ctx, cl)
	if err != nil {
		return err
	}
	return ensureTopics(ctx, cl, want, w.config.ReplicationFactor)
}

// grown says whether a task reads a partition of a user's topic that was not there at the
// start.
func (w *Worker) grown(h *hosted) bool {
	return slices.ContainsFunc(h.inputs, func(in task.Input) bool {
		return in.Partition >= w.globals.partitions[in.Topic] && !w.repartition(in.Topic)
	})
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
	topics := w.sinks()
	if len(topics) == 0 {
		return nil
	}
	seen, err := describeUserTopics(ctx, cl, topics)
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

// sinks are the topics of the user that are written to, dead letters included.
func (w *Worker) sinks() []string {
	topics := w.plan.SinkTopics()
	for _, p := range [...]string{
		w.config.Policies.Decode.DeadLetterTopic(), w.config.Policies.Process.DeadLetterTopic(), w.config.Policies.Produce.DeadLetterTopic(),
	} {
		if p != "" && !slices.Contains(topics, p) {
			topics = append(topics, p)
		}
	}
	return topics
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
