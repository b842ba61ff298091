package brokertest

import (
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func configsAreDescribed(f *fixture) {
	want := map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "86460000", "segment.bytes": "52428800"}
	configs := make(map[string]*string, len(want))
	for name, value := range want {
		configs[name] = &value
	}
	topic := unique("topic")
	f.must(create(f.ctx, f.admin, topic, 3, configs))

	described, err := f.admin.DescribeTopicConfigs(f.ctx, topic)
	f.must(err)
	resource, err := described.On(topic, nil)
	f.must(err)
	got := make(map[string]string)
	for _, c := range resource.Configs {
		got[c.Key] = c.MaybeValue()
	}
	for name, value := range want {
		if got[name] != value {
			f.Errorf("%s is described as %q, want %q", name, got[name], value)
		}
	}
	if _, err := f.admin.CreateTopic(f.ctx, 3, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
		f.Errorf("creating it again gives %v, want %v", err, kerr.TopicAlreadyExists)
	}
	topics, err := f.admin.ListTopics(f.ctx, topic)
	f.must(err)
	if n := len(topics[topic].Partitions); n != 3 {
		f.Errorf("the topic has %d partitions, want 3", n)
	}
}

func deletedRecordsMoveStart(f *fixture) {
	topic := f.topic()
	for _, v := range []string{"a", "b", "c"} {
		f.must(f.produce(f.cl, topic, v))
	}
	upTo := make(kadm.Offsets)
	upTo.AddOffset(topic, 0, 2, -1)
	_, err := f.admin.DeleteRecords(f.ctx, upTo)
	f.must(err)
	starts, err := f.admin.ListStartOffsets(f.ctx, topic)
	f.must(err)
	if start, _ := starts.Lookup(topic, 0); start.Offset != 2 {
		f.Errorf("the log starts at %d, want 2", start.Offset)
	}
	reader := f.client(kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().At(0)},
	}))
	if err := reader.PollFetches(f.ctx).Err(); !errors.Is(err, kerr.OffsetOutOfRange) {
		f.Errorf("reading from 0 gives %v, want %v", err, kerr.OffsetOutOfRange)
	}
}

func largeRecordIsRefused(f *fixture) {
	topic := f.topic()
	cl := f.client(kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := f.produce(cl, topic, strings.Repeat("x", 2<<20))
	if !errors.Is(err, kerr.MessageTooLarge) {
		f.Errorf("a record of 2 MiB gives %v, want %v", err, kerr.MessageTooLarge)
	}
	f.must(f.produce(cl, topic, strings.Repeat("x", 1_000_000)))
}
