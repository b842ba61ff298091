package brokertest

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func unknownConfig(p *probe) (string, error) {
	_, err := p.topic("no.such.configuration", "1")
	return answer(err)
}

func impossibleConfig(p *probe) (string, error) {
	_, err := p.topic("retention.ms", "a week")
	return answer(err)
}

func describedConfig(p *probe) (string, error) {
	topic, err := p.topic()
	if err != nil {
		return "", err
	}
	described, err := p.admin.DescribeTopicConfigs(p.ctx, topic)
	if err != nil {
		return "", err
	}
	resource, err := described.On(topic, nil)
	if err != nil {
		return "", err
	}
	for _, c := range resource.Configs {
		if c.Key == "min.compaction.lag.ms" {
			return "described", nil
		}
	}
	return "not described", nil
}

func compactedWithoutKey(p *probe) (string, error) {
	topic, err := p.topic("cleanup.policy", "compact")
	if err != nil {
		return "", err
	}
	return answer(p.cl.ProduceSync(p.ctx, &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr())
}

func futureTimestamp(p *probe) (string, error) {
	topic, err := p.topic()
	if err != nil {
		return "", err
	}
	tomorrow := time.Now().Add(24 * time.Hour)
	return answer(p.cl.ProduceSync(p.ctx, &kgo.Record{Topic: topic, Timestamp: tomorrow}).FirstErr())
}

func logAppendTime(p *probe) (string, error) {
	topic, err := p.topic("message.timestamp.type", "LogAppendTime")
	if err != nil {
		return "", err
	}
	long := time.UnixMilli(1_000)
	if err := p.cl.ProduceSync(p.ctx, &kgo.Record{Topic: topic, Timestamp: long}).FirstErr(); err != nil {
		return "", err
	}
	records, err := p.read(topic, 1)
	if err != nil {
		return "", err
	}
	if records[0].Timestamp.Equal(long) {
		return "the producer's time", nil
	}
	return "the broker's time", nil
}

// compactionMovesStart overwrites a key until compaction has removed its first
// record, and looks where the log starts then.
func compactionMovesStart(p *probe) (string, error) {
	const backoff = "log.cleaner.backoff.ms"
	_, err := p.admin.AlterBrokerConfigs(p.ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: backoff, Value: kmsg.StringPtr("100")}})
	if err != nil {
		return "", err
	}
	topic, err := p.topic("cleanup.policy", "compact", "segment.ms", "100", "min.cleanable.dirty.ratio", "0.01", "max.compaction.lag.ms", "100")
	if err != nil {
		return "", err
	}
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.cl.ProduceSync(p.ctx, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v")}).FirstErr()
		if err != nil {
			return "", err
		}
		records, err := p.read(topic, 1)
		if err != nil {
			return "", err
		}
		if records[0].Offset > 0 {
			break
		}
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			return "", errors.New("nothing was compacted")
		}
	}
	starts, err := p.admin.ListStartOffsets(p.ctx, topic)
	if err != nil {
		return "", err
	}
	if start, _ := starts.Lookup(topic, 0); start.Offset > 0 {
		return "moved", nil
	}
	return "kept", nil
}

func unstableOtherPartition(p *probe) (string, error) {
	topic, group, err := p.pendingOffset("")
	if err != nil {
		return "", err
	}
	_, _, err = fetchOffset(p.ctx, p.cl, group, topic, 1, true) // the pending one is of partition 0
	return answer(err)
}

func longMetadata(p *probe) (string, error) {
	_, _, err := p.pendingOffset(strings.Repeat("m", 5000))
	return answer(err)
}

// pendingOffset adds an offset of partition 0 to a transaction that stays open.
func (p *probe) pendingOffset(metadata string) (topic, group string, err error) {
	if topic, err = p.topic(); err != nil {
		return "", "", err
	}
	group, txn := unique("group"), unique("txn")
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, 0, 1, -1)
	offsets.AddOffset(topic, 1, 1, -1)
	if err := p.admin.CommitAllOffsets(p.ctx, group, offsets); err != nil {
		return "", "", err
	}
	producer, err := newClient(p.addrs, kgo.TransactionalID(txn))
	if err != nil {
		return "", "", err
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		return "", "", err
	}
	return topic, group, txnCommit(p.ctx, producer, txn, group, noMember, topic, 0, 2, metadata)
}

// staleEpoch asks for a new epoch as a producer that was fenced.
func staleEpoch(p *probe) (string, error) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = kmsg.StringPtr(unique("txn"))
	req.TransactionTimeoutMillis = 10_000
	first, err := req.RequestWith(p.ctx, p.cl)
	if err != nil {
		return "", err
	}
	if _, err := req.RequestWith(p.ctx, p.cl); err != nil {
		return "", err
	}
	req.ProducerID, req.ProducerEpoch = first.ProducerID, first.ProducerEpoch
	again, err := req.RequestWith(p.ctx, p.cl)
	if err != nil {
		return "", err
	}
	return answer(kerr.ErrorForCode(again.ErrorCode))
}

func txnOffsetCommitVersion(p *probe) (string, error) {
	versions, err := p.admin.ApiVersions(p.ctx)
	if err != nil {
		return "", err
	}
	for _, broker := range versions {
		if most, ok := broker.KeyMaxVersion(int16(kmsg.TxnOffsetCommit)); ok {
			return strconv.Itoa(int(most)), nil
		}
	}
	return "", errors.New("no broker knows the request")
}

// read returns the first n records or more of partition 0.
func (p *probe) read(topic string, n int) ([]*kgo.Record, error) {
	cl, err := newClient(p.addrs, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var records []*kgo.Record
	for len(records) < n {
		fetches := cl.PollFetches(p.ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}
