package runtime

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// outsider may commit as long as the group has no members.
var outsider = groupMember{group: "g", generation: -1}

func wantOffsets(t *testing.T, cl *kgo.Client, want committedOffsets) {
	t.Helper()
	asked := make(map[string][]int32)
	for topic, ps := range want {
		for p := range ps {
			asked[topic] = append(asked[topic], p)
		}
	}
	got, err := fetchOffsets(soon(t), cl, "g", asked)
	if err != nil {
		t.Fatal(err)
	}
	for topic, ps := range want {
		for p, at := range ps {
			if got[topic][p] != at {
				t.Errorf("%s-%d is at %+v, want %+v", topic, p, got[topic][p], at)
			}
		}
	}
}

func TestOffsetsAreFetchedAsCommitted(t *testing.T) {
	for _, row := range []struct {
		name string
		opt  kfake.Opt
	}{
		{"topics by id", kfake.NumBrokers(2)},
		{"topics by name", kfake.MaxVersions(kversion.V3_9_0())},
		{"one group per request", kfake.MaxVersions(kversion.V2_8_0())},
	} {
		t.Run(row.name, func(t *testing.T) {
			cl := newFakeClient(t, newFake(t, row.opt, kfake.SeedTopics(3, "a", "b")))
			none := committedOffset{offset: -1, leaderEpoch: -1}
			wantOffsets(t, cl, committedOffsets{"a": {0: none, 2: none}})
			want := committedOffsets{
				"a": {0: {7, 0, "AgAAAAAAAAAZ"}, 1: {8, -1, ""}},
				"b": {2: {9, 0, "x"}},
			}
			if err := commitOffsets(t.Context(), cl, outsider, want); err != nil {
				t.Fatal(err)
			}
			want["b"][0] = none
			wantOffsets(t, cl, want)
		})
	}
}

func TestCommitOffsetsNamesWhatWasRefused(t *testing.T) {
	cl := newFakeClient(t, newFake(t, kfake.SeedTopics(1, "a")))
	stranger := groupMember{group: "g", memberID: "gone", generation: 3}
	err := commitOffsets(t.Context(), cl, stranger, committedOffsets{"a": {0: {offset: 1}}})
	if !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.IllegalGeneration) ||
		!strings.Contains(err.Error(), `topic "a" partition 0`) {
		t.Errorf("error %v", err)
	}
}

func TestCommitOffsetsRetriesWhatPasses(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(2, "a"))
	cl := newFakeClient(t, c)
	at := committedOffsets{"a": {0: {offset: 1}, 1: {offset: 2}}}
	// The client itself looks at the first partition only.
	busy := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Partitions: []int32{1}, Err: kerr.CoordinatorLoadInProgress, Count: 3})
	if err := commitOffsets(t.Context(), cl, outsider, at); err != nil || busy.Hits() != 3 {
		t.Errorf("after %d refusals: %v", busy.Hits(), err)
	}
	wantOffsets(t, cl, at)
	moving := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RebalanceInProgress, Count: -1})
	if err := commitOffsets(t.Context(), cl, outsider, at); !errors.Is(err, kerr.RebalanceInProgress) || moving.Hits() != 1 {
		t.Errorf("after %d refusals: %v", moving.Hits(), err)
	}
}

// soon is a context for what would otherwise hang a failing test.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newTxnProducer(t *testing.T, c *kfake.Cluster) *kgo.Client {
	return newFakeClient(t, c, kgo.TransactionalID("app-1"), kgo.DefaultProduceTopic("out"))
}

// transact produces a record and commits offsets in one transaction.
func transact(t *testing.T, producer *kgo.Client, tc *txnCommitter, offsets committedOffsets, end kgo.TransactionEndTry) {
	t.Helper()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tc.commit(t.Context(), outsider, offsets); err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// watchCommits notes the highest version of TxnOffsetCommit and the number of
// AddOffsetsToTxn that a cluster gets to see.
func watchCommits(c *kfake.Cluster) (version *atomic.Int32, added *kfake.FaultHandle) {
	version = new(atomic.Int32)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Observe: true, Count: -1, When: func(req kmsg.Request) bool {
		version.Store(max(version.Load(), int32(req.GetVersion())))
		return true
	}})
	return version, c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.AddOffsetsToTxn}, Observe: true, Count: -1})
}

func TestTxnCommitterCommitsWithTheTransaction(t *testing.T) {
	for _, row := range []struct {
		name    string
		opt     kfake.Opt
		level   int16
		highest int32
		adds    int
	}{
		{"transaction version 2", kfake.NumBrokers(2), 2, 6, 0},
		{"a cluster that has not switched to it", kfake.NumBrokers(2), 1, 4, 3},
		{"brokers that do not know it", kfake.MaxVersions(kversion.V3_7_0()), 0, 3, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newFake(t, row.opt, kfake.SeedTopics(2, "in", "out"))
			if row.level == 1 {
				lowerTransactionVersion(t, c)
			}
			producer := newTxnProducer(t, c)
			tc := newTxnCommitter(producer, "app-1")
			version, added := watchCommits(c)
			one := committedOffsets{"in": {0: {5, 0, "m"}, 1: {6, 0, ""}}}
			two := committedOffsets{"in": {0: {7, 0, "n"}}}
			transact(t, producer, tc, one, kgo.TryCommit)
			wantOffsets(t, producer, one)
			transact(t, producer, tc, two, kgo.TryAbort)
			wantOffsets(t, producer, one)
			transact(t, producer, tc, two, kgo.TryCommit)
			wantOffsets(t, producer, two)
			if version.Load() > row.highest || added.Hits() != row.adds {
				t.Errorf("version %d was used, and %d times the group was added first", version.Load(), added.Hits())
			}
		})
	}
}

func lowerTransactionVersion(t *testing.T, c *kfake.Cluster) {
	t.Helper()
	req := kmsg.NewPtrUpdateFeaturesRequest()
	update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	update.Feature, update.MaxVersionLevel, update.UpgradeType = "transaction.version", 1, 2
	req.FeatureUpdates = append(req.FeatureUpdates, update)
	resp, err := req.RequestWith(t.Context(), newFakeClient(t, c))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTxnCommitterRetriesWhatPasses(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(2, "in", "out"))
	producer := newTxnProducer(t, c)
	at := committedOffsets{"in": {0: {offset: 5}, 1: {offset: 6}}}
	busy := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Partitions: []int32{1}, Err: kerr.ConcurrentTransactions, Count: 2})
	transact(t, producer, newTxnCommitter(producer, "app-1"), at, kgo.TryCommit)
	if busy.Hits() != 2 {
		t.Errorf("%d refusals", busy.Hits())
	}
	wantOffsets(t, producer, at)
}

func TestTxnCommitterReportsThatItIsFenced(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(1, "in", "out"))
	producer := newTxnProducer(t, c)
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newTxnProducer(t, c).ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := newTxnCommitter(producer, "app-1").commit(t.Context(), outsider, committedOffsets{"in": {0: {offset: 5}}})
	if !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("error %v", err)
	}
}

func TestFetchOffsetsWaitsForAPendingTransaction(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(1, "in", "out"))
	producer := newTxnProducer(t, c)
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	at := committedOffset{offset: 5}
	if err := newTxnCommitter(producer, "app-1").commit(t.Context(), outsider, committedOffsets{"in": {0: at}}); err != nil {
		t.Fatal(err)
	}
	if err := commitOffsets(t.Context(), producer, outsider, committedOffsets{"in": {0: {offset: 3}}}); err != nil {
		t.Fatal(err)
	}
	asked := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Observe: true, Count: -1})
	got, failed := make(chan committedOffsets, 1), make(chan error, 1)
	cl := newFakeClient(t, c)
	go func() {
		offsets, err := fetchOffsets(soon(t), cl, "g", map[string][]int32{"in": {0}})
		got <- offsets
		failed <- err
	}()
	if err := asked.Wait(soon(t), 3); err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 {
		t.Fatalf("offsets came before the transaction ended: %v", <-got)
	}
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if offsets, err := <-got, <-failed; err != nil || offsets["in"][0] != at {
		t.Errorf("got %v, %v", offsets, err)
	}
}

func TestFetchOffsetsEndsWithItsContext(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(1, "in"))
	cl := newFakeClient(t, c)
	if err := commitOffsets(t.Context(), cl, outsider, committedOffsets{"in": {0: {offset: 3}}}); err != nil {
		t.Fatal(err)
	}
	unstable := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Topic: "in", Err: kerr.UnstableOffsetCommit, Count: -1})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	failed := make(chan error)
	go func() {
		_, err := fetchOffsets(ctx, cl, "g", map[string][]int32{"in": {0}})
		failed <- err
	}()
	if err := unstable.Wait(soon(t), 2); err != nil {
		t.Fatal(err)
	}
	cancel(stop)
	if err := <-failed; !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
