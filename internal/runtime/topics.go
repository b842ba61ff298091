package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// brokerPatience is how long a start waits for the first answer of a broker.
	brokerPatience = 10 * time.Second
	// topicPatience is how long a start waits for its new topics to be visible.
	topicPatience = 30 * time.Second
	// userTopicPatience is how long it waits for topics of the user, who may have
	// created them just before.
	userTopicPatience = time.Second
)

// topicKind decides what an existing internal topic must be like.
type topicKind int

const (
	// repartitionTopic holds records until they have been processed.
	repartitionTopic topicKind = iota
	// compactedChangelog holds the newest value of each key for ever.
	compactedChangelog
	// windowedChangelog may also drop what is older than the store keeps.
	windowedChangelog
)

// internalTopic is a topic that belongs to the application.
type internalTopic struct {
	name       string
	partitions int32
	kind       topicKind
	// configs are what the topic is created with; everything else is the
	// broker's default.
	configs map[string]string
}

// ensureTopics creates the internal topics that do not exist and validates those
// that do; every fault is in the error. Several workers may do so at once. It
// returns when all topics are visible. A replication factor of -1 leaves the
// choice to the broker.
func ensureTopics(ctx context.Context, cl *kgo.Client, want []internalTopic, replicationFactor int16) error {
	if len(want) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, topicPatience, errTopicsInvisible)
	defer cancel()
	created := make(map[string]bool)
	for attempt := 0; ; attempt++ {
		settled, err := settleTopics(ctx, cl, want, replicationFactor, created)
		if settled || err != nil {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return fmt.Errorf("internal topics %s: %w", strings.Join(topicNames(want), ", "), err)
		}
	}
}

var (
	errTopicsInvisible = fmt.Errorf("not visible within %v of their creation", topicPatience)
	errSilence         = errors.New("no answer")
)

// settleTopics creates what is missing, once, and validates what exists as soon
// as nothing is missing. It says whether that was so.
func settleTopics(ctx context.Context, cl *kgo.Client, want []internalTopic, replicationFactor int16, created map[string]bool) (bool, error) {
	seen, err := describeTopics(ctx, cl, topicNames(want))
	if err != nil {
		return false, err
	}
	missing := slices.DeleteFunc(slices.Clone(want), func(t internalTopic) bool { return exists(seen[t.name]) })
	if len(missing) > 0 {
		return false, createTopics(ctx, cl, missing, replicationFactor, created)
	}
	old := slices.DeleteFunc(topicNames(want), func(name string) bool { return created[name] })
	configs, err := topicConfigs(ctx, cl, old)
	if err != nil {
		return false, err
	}
	var faults []error
	for _, t := range want {
		if n := int32(len(seen[t.name].Partitions)); n != t.partitions {
			faults = append(faults, fmt.Errorf("topic %q has %d partitions, the topology needs %d: "+
				"restore the number of partitions of its sources, or delete the topic and what it holds, "+
				"or start afresh under another application id", t.name, n, t.partitions))
		}
		r := configs[t.name]
		if kerr.IsRetriable(r.Err) {
			return false, nil
		}
		if r.Err != nil {
			faults = append(faults, fmt.Errorf("configuration of topic %q: %w", t.name, withHint(r.Err)))
			continue
		}
		for _, fault := range t.faults(r.Configs) {
			faults = append(faults, fmt.Errorf("topic %q: %s", t.name, fault))
		}
	}
	return true, errors.Join(faults...)
}

func topicNames(topics []internalTopic) []string {
	var names []string
	for _, t := range topics {
		names = append(names, t.name)
	}
	return names
}

func exists(t kmsg.MetadataResponseTopic) bool { return t.ErrorCode == 0 && len(t.Partitions) > 0 }

// backoff grows with every attempt, from 10 ms to 640 ms.
func backoff(attempt int) time.Duration { return 10 * time.Millisecond << min(attempt, 6) }

// pause waits for the backoff, or returns why ctx has ended.
func pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(backoff(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// describeTopics asks a broker, not the client's cache, what it knows about
// topics. The result has an entry for every topic, perhaps with an error code.
func describeTopics(ctx context.Context, cl *kgo.Client, topics []string) (map[string]kmsg.MetadataResponseTopic, error) {
	out := make(map[string]kmsg.MetadataResponseTopic, len(topics))
	if len(topics) == 0 {
		return out, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, brokerPatience, errSilence)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("asking for topics: %w", explain(ctx, cl, err))
	}
	for _, t := range resp.Topics {
		if t.Topic != nil {
			out[*t.Topic] = t
		}
	}
	return out, nil
}

// describeUserTopics is describeTopics that asks again for a while if a topic does
// not exist: what has just been created is not known to every broker at once.
func describeUserTopics(ctx context.Context, cl *kgo.Client, topics []string) (map[string]kmsg.MetadataResponseTopic, error) {
	deadline := time.Now().Add(userTopicPatience)
	for attempt := 0; ; attempt++ {
		seen, err := describeTopics(ctx, cl, topics)
		missing := func(name string) bool { return seen[name].ErrorCode == kerr.UnknownTopicOrPartition.Code }
		if err != nil || !slices.ContainsFunc(topics, missing) || time.Now().After(deadline) {
			return seen, err
		}
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
	}
}

// createTopics asks for topics once and records in created those that are new.
// Another worker may have been faster, and a busy cluster is asked again: only
// what no later attempt can mend is an error.
func createTopics(ctx context.Context, cl *kgo.Client, topics []internalTopic, replicationFactor int16, created map[string]bool) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(brokerPatience.Milliseconds())
	for _, t := range topics {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.name, t.partitions, replicationFactor
		for _, key := range slices.Sorted(maps.Keys(t.configs)) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = key, kmsg.StringPtr(t.configs[key])
			rt.Configs = append(rt.Configs, c)
		}
		req.Topics = append(req.Topics, rt)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, brokerPatience, errSilence)
	defer cancel()
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("creating topics: %w", explain(ctx, cl, err))
	}
	var faults []error
	for _, t := range resp.Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case err == nil:
			created[t.Topic] = true
		case errors.Is(err, kerr.TopicAlreadyExists), kerr.IsRetriable(err):
		default:
			if t.ErrorMessage != nil {
				err = fmt.Errorf("%w (%s)", err, *t.ErrorMessage)
			}
			faults = append(faults, fmt.Errorf("creating topic %q: %w", t.Topic, withHint(err)))
		}
	}
	return errors.Join(faults...)
}

// topicConfigs asks for the configurations of topics. The result has no entry
// for a topic that is not asked for.
func topicConfigs(ctx context.Context, cl *kgo.Client, topics []string) (map[string]kadm.ResourceConfig, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, brokerPatience, errSilence)
	defer cancel()
	resources, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("asking for topic configurations: %w", explain(ctx, cl, err))
	}
	out := make(map[string]kadm.ResourceConfig, len(resources))
	for _, r := range resources {
		out[r.Name] = r
	}
	return out, nil
}

// faults says what in an existing topic's configuration would lose data.
// An unknown configuration has no faults: this worker has just created it.
func (t internalTopic) faults(known []kadm.Config) []string {
	var out []string
	configs := make(map[string]string, len(known))
	for _, c := range known {
		configs[c.Key] = c.MaybeValue()
	}
	policy := configs["cleanup.policy"]
	deletes, compacts := strings.Contains(policy, "delete"), strings.Contains(policy, "compact")
	switch t.kind {
	case repartitionTopic:
		if compacts {
			out = append(out, fmt.Sprintf("cleanup.policy=%s would lose records that are still to be processed: set it to delete", policy))
		}
		if deletes && configs["retention.ms"] != "-1" {
			out = append(out, fmt.Sprintf("retention.ms=%s would lose records that are still to be processed: set it to -1", configs["retention.ms"]))
		}
		if deletes && limited(configs["retention.bytes"]) {
			out = append(out, fmt.Sprintf("retention.bytes=%s would lose records that are still to be processed: set it to -1", configs["retention.bytes"]))
		}
	case compactedChangelog:
		if deletes {
			out = append(out, fmt.Sprintf("cleanup.policy=%s would lose state: set it to compact", policy))
		}
		if lag := t.configs["min.compaction.lag.ms"]; below(configs["min.compaction.lag.ms"], lag) {
			out = append(out, fmt.Sprintf("min.compaction.lag.ms=%s would lose history: set it to %s or more", configs["min.compaction.lag.ms"], lag))
		}
	case windowedChangelog:
		if need := t.configs["retention.ms"]; deletes && below(configs["retention.ms"], need) {
			out = append(out, fmt.Sprintf("retention.ms=%s would lose windows that are still open: set it to %s or more", configs["retention.ms"], need))
		}
		if deletes && limited(configs["retention.bytes"]) {
			out = append(out, fmt.Sprintf("retention.bytes=%s would lose windows that are still open: set it to -1", configs["retention.bytes"]))
		}
	}
	return out
}

// limited says whether a size is configured; -1 and nothing mean that none is.
func limited(value string) bool { return value != "" && value != "-1" }

// below compares durations in milliseconds, of which -1 is without end. Nothing
// is below an unknown need.
func below(have, need string) bool {
	h, errHave := strconv.ParseInt(have, 10, 64)
	n, errNeed := strconv.ParseInt(need, 10, 64)
	return errHave == nil && errNeed == nil && h != -1 && (n == -1 || h < n)
}

// partitionCounts returns the number of partitions of source topics. Topics that
// do not exist or may not be read are all in the error.
func partitionCounts(ctx context.Context, cl *kgo.Client, topics []string) (map[string]int32, error) {
	seen, err := describeUserTopics(ctx, cl, topics)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int32, len(topics))
	var faults []error
	for _, name := range topics {
		t, known := seen[name]
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case !known, errors.Is(err, kerr.UnknownTopicOrPartition):
			faults = append(faults, fmt.Errorf("source topic %q does not exist: create it or check the name; it is not created automatically", name))
		case err != nil && len(t.Partitions) == 0:
			faults = append(faults, fmt.Errorf("source topic %q: %w", name, withHint(err)))
		default:
			out[name] = int32(len(t.Partitions))
		}
	}
	return out, errors.Join(faults...)
}

// purge deletes the records before these offsets, as is done with repartition
// topics whose records have been processed. The faults of all partitions are in
// the error; the records of the others are gone all the same.
func purge(ctx context.Context, cl *kgo.Client, offsets map[string]map[int32]int64) error {
	var before kadm.Offsets
	for topic, partitions := range offsets {
		for p, at := range partitions {
			before.AddOffset(topic, p, at, -1)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, brokerPatience, errSilence)
	defer cancel()
	done, err := kadm.NewClient(cl).DeleteRecords(ctx, before)
	var faults []error
	if err != nil {
		faults = append(faults, fmt.Errorf("purging: %w", explain(ctx, cl, err)))
	}
	for _, r := range done.Sorted() {
		if r.Err != nil {
			faults = append(faults, fmt.Errorf("purging topic %q partition %d: %w", r.Topic, r.Partition, withHint(r.Err)))
		}
	}
	return errors.Join(faults...)
}
