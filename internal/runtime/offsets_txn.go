package runtime

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// txnCommitter commits offsets as part of a producer's open transaction. It is
// safe for concurrent use as far as the producer's transaction is.
type txnCommitter struct {
	producer *kgo.Client
	txnID    string
	// mode is how the cluster adds offsets to a transaction, once known.
	mode atomic.Int32
}

// How offsets become part of a transaction.
const (
	// addUnknown: the cluster has not been asked yet.
	addUnknown int32 = iota
	// addExplicitly: a request of its own adds the group first, and the commit
	// must not be of a version that promises transaction version 2.
	addExplicitly
	// addImplicitly: the commit itself does, since transaction version 2.
	addImplicitly
)

func newTxnCommitter(producer *kgo.Client, txnID string) *txnCommitter {
	return &txnCommitter{producer: producer, txnID: txnID}
}

// commit adds offsets to the open transaction; they count when it is committed.
// Errors are as with commitOffsets. A fenced producer or member is among them:
// then the transaction must be aborted.
func (c *txnCommitter) commit(ctx context.Context, m groupMember, offsets committedOffsets) error {
	if len(offsets) == 0 {
		return nil
	}
	if err := c.send(ctx, m, offsets); err != nil {
		return fmt.Errorf("adding offsets of group %q to the transaction: %w", m.group, err)
	}
	return nil
}

func (c *txnCommitter) send(ctx context.Context, m groupMember, offsets committedOffsets) error {
	id, epoch, err := c.producer.ProducerID(ctx)
	if err != nil {
		return err
	}
	mode, err := c.addMode(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = c.txnID, id, epoch
	req.Group, req.MemberID, req.Generation, req.InstanceID = m.group, m.memberID, m.generation, m.instanceID
	names, err := c.fill(ctx, req, offsets)
	if err != nil {
		return err
	}
	request := req.RequestWith
	if mode == addExplicitly {
		if err := c.addOffsets(ctx, req); err != nil {
			return err
		}
		request = oldTxnOffsetCommit{req}.requestWith
	}
	return retryBriefly(ctx, func() (bool, error) {
		resp, err := request(ctx, c.producer)
		if err != nil {
			return passing(err), withHint(err)
		}
		var v verdict
		for _, t := range resp.Topics {
			if t.Topic == "" {
				t.Topic = names[t.TopicID]
			}
			for _, p := range t.Partitions {
				v.add(t.Topic, p.Partition, p.ErrorCode)
			}
		}
		return v.result()
	})
}

// fill puts the offsets into a request and returns the topics' names by id.
func (c *txnCommitter) fill(ctx context.Context, req *kmsg.TxnOffsetCommitRequest, offsets committedOffsets) (map[[16]byte]string, error) {
	ids, err := topicIDs(ctx, c.producer, offsets)
	if err != nil {
		return nil, err
	}
	names := make(map[[16]byte]string)
	for _, topic := range slices.Sorted(maps.Keys(offsets)) {
		rt := kmsg.NewTxnOffsetCommitRequestTopic()
		rt.Topic, rt.TopicID = topic, ids[topic]
		names[rt.TopicID] = topic
		for p, at := range offsets[topic] {
			rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, at.offset, at.leaderEpoch, &at.metadata
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	return names, nil
}

// addMode asks the cluster once which version of transactions is in force. What
// a broker could do does not count until the whole cluster has switched.
func (c *txnCommitter) addMode(ctx context.Context) (int32, error) {
	if mode := c.mode.Load(); mode != addUnknown {
		return mode, nil
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "tidemill", "1"
	resp, err := req.RequestWith(ctx, c.producer)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return addUnknown, fmt.Errorf("asking for the version of transactions: %w", err)
	}
	mode := addExplicitly
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= 2 {
			mode = addImplicitly
		}
	}
	c.mode.Store(mode)
	return mode, nil
}

func (c *txnCommitter) addOffsets(ctx context.Context, commit *kmsg.TxnOffsetCommitRequest) error {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch
	req.Group = commit.Group
	return retryBriefly(ctx, func() (bool, error) {
		resp, err := req.RequestWith(ctx, c.producer)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return passing(err), withHint(err)
		}
		return false, nil
	})
}

// oldTxnOffsetCommit is a request of at most the last version that needs the
// group to be added first. The client routes only its own request types, so this
// one goes to the coordinator by hand.
type oldTxnOffsetCommit struct{ *kmsg.TxnOffsetCommitRequest }

func (oldTxnOffsetCommit) MaxVersion() int16 { return 4 }

func (r oldTxnOffsetCommit) requestWith(ctx context.Context, to kmsg.Requestor) (*kmsg.TxnOffsetCommitResponse, error) {
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey, find.CoordinatorKeys = r.Group, []string{r.Group}
	resp, err := find.RequestWith(ctx, to)
	if err != nil {
		return nil, err
	}
	node, code := resp.NodeID, resp.ErrorCode
	for _, found := range resp.Coordinators {
		node, code = found.NodeID, found.ErrorCode
	}
	if err := kerr.ErrorForCode(code); err != nil {
		return nil, err
	}
	answer, err := to.(*kgo.Client).Broker(int(node)).RetriableRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	return answer.(*kmsg.TxnOffsetCommitResponse), nil
}
