package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors"
)

// produceError is a record that the producer gave up on.
type produceError struct {
	topic string
	err   error
}

func (e *produceError) Error() string { return fmt.Sprintf("produce to topic %q: %v", e.topic, e.err) }
func (e *produceError) Unwrap() error { return e.err }

// fetchError is a partition that cannot be read.
type fetchError struct {
	topic     string
	partition int32
	err       error
}

func (e *fetchError) Error() string {
	return fmt.Sprintf("fetch topic %q, partition %d: %v", e.topic, e.partition, e.err)
}
func (e *fetchError) Unwrap() error { return e.err }

// kgoRetries says whether the client goes on by itself after a fetch error.
func kgoRetries(err error) bool {
	var loss *kgo.ErrDataLoss
	return kerr.IsRetriable(err) || errors.As(err, &loss)
}

// passable are errors after which a worker begins anew from what is committed:
// it has been fenced or has lost its place, or its transaction is gone.
var passable = []error{
	kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState, kerr.TransactionAbortable,
	kerr.InvalidProducerIDMapping, kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.ConcurrentTransactions,
	kerr.TransactionCoordinatorFenced, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress,
	kgo.ErrRecordTimeout, kgo.ErrRecordRetries, kgo.ErrAborting, kgo.ErrClientClosed, context.DeadlineExceeded, errLost,
}

// errLost says that the group went on without this member.
var errLost = errors.New("the group has gone on without this worker")

// recoverable says whether a failed commit or produce is a reason to go back to
// what is committed, rather than to end.
func recoverable(err error) bool {
	if global := (*globalError)(nil); errors.As(err, &global) {
		return false
	}
	var target *connectors.TargetError
	if errors.As(err, &target) {
		return target.Passes()
	}
	if kerr.IsRetriable(err) {
		return true
	}
	var network net.Error
	if errors.As(err, &network) {
		return true
	}
	for _, one := range passable {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}
