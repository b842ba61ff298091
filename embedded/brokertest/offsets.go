package brokertest

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is a group member as a transactional commit names it. The zero
// generation is a real one; noMember commits without a group.
type member struct {
	id         string
	generation int32
}

var noMember = member{generation: -1}

// txnCommit adds an offset of a partition to the open transaction of p and
// returns the broker's answer for that partition.
func txnCommit(ctx context.Context, p *kgo.Client, txn, group string, m member, topic string, partition int32, offset int64, metadata string) error {
	id, epoch, err := p.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest() // needed before transaction version 2, harmless with it
	add.TransactionalID, add.Group = txn, group
	add.ProducerID, add.ProducerEpoch = id, epoch
	added, err := add.RequestWith(ctx, p)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(added.ErrorCode); err != nil {
		return err
	}
	topics, err := kadm.NewClient(p).ListTopics(ctx, topic)
	if err != nil {
		return err
	}

	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.Group = txn, group
	commit.ProducerID, commit.ProducerEpoch = id, epoch
	commit.MemberID, commit.Generation = m.id, m.generation
	part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	part.Partition, part.Offset, part.Metadata = partition, offset, kmsg.StringPtr(metadata)
	ofTopic := kmsg.NewTxnOffsetCommitRequestTopic()
	ofTopic.Topic, ofTopic.TopicID = topic, topics[topic].ID // by name up to version 5, by id from 6
	ofTopic.Partitions = append(ofTopic.Partitions, part)
	commit.Topics = append(commit.Topics, ofTopic)
	resp, err := commit.RequestWith(ctx, p)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// fetchOffset asks for the committed offset of one partition, -1 if there is none.
func fetchOffset(ctx context.Context, cl *kgo.Client, group, topic string, partition int32, stable bool) (offset int64, metadata string, err error) {
	topics, err := kadm.NewClient(cl).ListTopics(ctx, topic)
	if err != nil {
		return 0, "", err
	}
	ofTopic := kmsg.NewOffsetFetchRequestGroupTopic()
	ofTopic.Topic, ofTopic.TopicID, ofTopic.Partitions = topic, topics[topic].ID, []int32{partition}
	ofGroup := kmsg.NewOffsetFetchRequestGroup()
	ofGroup.Group, ofGroup.Topics = group, append(ofGroup.Topics, ofTopic)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable, req.Groups = stable, append(req.Groups, ofGroup)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return 0, "", err
	}
	g := resp.Groups[0]
	if errors.Is(kerr.ErrorForCode(g.ErrorCode), kerr.GroupIDNotFound) { // what no commit has made known
		return -1, "", nil
	}
	if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
		return 0, "", err
	}
	part := g.Topics[0].Partitions[0]
	if part.Metadata != nil {
		metadata = *part.Metadata
	}
	return part.Offset, metadata, kerr.ErrorForCode(part.ErrorCode)
}

func offsetsAppearAtCommit(f *fixture) {
	topic, group, txn := f.topic(), unique("group"), unique("txn")
	p := f.producer(txn)
	f.must(f.produce(p, topic, "output"))
	f.must(txnCommit(f.ctx, p, txn, group, noMember, topic, 0, 42, "AgAAAZ"))
	if offset, _, err := fetchOffset(f.ctx, f.cl, group, topic, 0, false); err != nil || offset != -1 {
		f.Errorf("before the commit: offset %d, error %v, want none", offset, err)
	}
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))
	f.until("the offset appears", func() bool {
		offset, metadata, err := fetchOffset(f.ctx, f.cl, group, topic, 0, true)
		return err == nil && offset == 42 && metadata == "AgAAAZ"
	})
}

func offsetsOfAbortVanish(f *fixture) {
	topic, group, txn := f.topic(), unique("group"), unique("txn")
	p := f.producer(txn)
	f.must(f.produce(p, topic, "output"))
	f.must(txnCommit(f.ctx, p, txn, group, noMember, topic, 0, 42, ""))
	f.must(p.EndTransaction(f.ctx, kgo.TryAbort))
	var offset int64
	f.until("the offsets are stable", func() bool {
		var err error
		offset, _, err = fetchOffset(f.ctx, f.cl, group, topic, 0, true)
		return err == nil
	})
	if offset != -1 {
		f.Errorf("offset %d, want none", offset)
	}
}

func stableFetchRefuses(f *fixture) {
	topic, group, txn := f.topic(), unique("group"), unique("txn")
	f.mustCommit(group, topic, 7)
	p := f.producer(txn)
	f.must(f.produce(p, topic, "output"))
	f.must(txnCommit(f.ctx, p, txn, group, noMember, topic, 0, 42, ""))
	if _, _, err := fetchOffset(f.ctx, f.cl, group, topic, 0, true); !errors.Is(err, kerr.UnstableOffsetCommit) {
		f.Errorf("a stable fetch gives %v, want %v", err, kerr.UnstableOffsetCommit)
	}
	if offset, _, err := fetchOffset(f.ctx, f.cl, group, topic, 0, false); err != nil || offset != 7 {
		f.Errorf("a fetch that need not be stable gives %d, error %v; want the former 7", offset, err)
	}
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))
	f.until("the new offset is stable", func() bool {
		offset, _, err := fetchOffset(f.ctx, f.cl, group, topic, 0, true)
		return err == nil && offset == 42
	})
}

// mustCommit commits an offset of partition 0 without a transaction.
func (f *fixture) mustCommit(group, topic string, offset int64) {
	f.Helper()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, 0, offset, -1)
	f.must(f.admin.CommitAllOffsets(f.ctx, group, offsets))
}

func formerGenerationIsRefused(f *fixture) {
	topic, group, txn := f.topic(), unique("group"), unique("txn")
	consumer := f.consumer(group, topic)
	f.until("the member holds both partitions", consumer.holds(2))
	id, generation := consumer.GroupMetadata()
	p := f.producer(txn)
	f.must(f.produce(p, topic, "output"))
	err := txnCommit(f.ctx, p, txn, group, member{id, generation - 1}, topic, 0, 42, "")
	if !errors.Is(err, kerr.IllegalGeneration) {
		f.Errorf("the former generation's commit gives %v, want %v", err, kerr.IllegalGeneration)
	}
	err = txnCommit(f.ctx, p, txn, group, member{"stranger", generation}, topic, 0, 42, "")
	if !errors.Is(err, kerr.UnknownMemberID) {
		f.Errorf("a stranger's commit gives %v, want %v", err, kerr.UnknownMemberID)
	}
	f.must(txnCommit(f.ctx, p, txn, group, member{id, generation}, topic, 0, 42, ""))
	f.must(p.EndTransaction(f.ctx, kgo.TryCommit))
}
