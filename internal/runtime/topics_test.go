package runtime

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newFake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newFakeClient(t *testing.T, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func wantedTopics() []internalTopic {
	return []internalTopic{
		{"app-r-repartition", 3, repartitionTopic, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "segment.bytes": "52428800"}},
		{"app-kv-changelog", 2, compactedChangelog, map[string]string{"cleanup.policy": "compact"}},
		{"app-win-changelog", 3, windowedChangelog, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "90300000"}},
	}
}

func TestEnsureTopicsCreatesThemOnce(t *testing.T) {
	cl := newFakeClient(t, newFake(t))
	ctx := t.Context()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := ensureTopics(ctx, cl, wantedTopics(), -1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen, err := describeTopics(ctx, cl, topicNames(wantedTopics()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wantedTopics() {
		if n := len(seen[want.name].Partitions); int32(n) != want.partitions {
			t.Errorf("%s has %d partitions", want.name, n)
		}
		configs, err := kadm.NewClient(cl).DescribeTopicConfigs(ctx, want.name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range configs[0].Configs {
			if value, set := want.configs[c.Key]; set && c.MaybeValue() != value {
				t.Errorf("%s: %s=%s", want.name, c.Key, c.MaybeValue())
			}
		}
	}
}

func TestEnsureTopicsReportsAllFaultsOfExistingTopics(t *testing.T) {
	cl := newFakeClient(t, newFake(t))
	have := wantedTopics()
	have[0].configs = map[string]string{"cleanup.policy": "delete", "retention.ms": "1000"}
	have[1].partitions, have[1].configs = 4, map[string]string{"cleanup.policy": "compact,delete"}
	have[2].configs = map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "60000", "retention.bytes": "1"}
	if err := ensureTopics(t.Context(), cl, have, 1); err != nil {
		t.Fatal(err)
	}
	err := ensureTopics(t.Context(), cl, wantedTopics(), 1)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`topic "app-r-repartition": retention.ms=1000 would lose records`,
		`topic "app-kv-changelog" has 4 partitions, the topology needs 2: `,
		`topic "app-kv-changelog": cleanup.policy=compact,delete would lose state: set it to compact`,
		`topic "app-win-changelog": retention.ms=60000 would lose windows that are still open: set it to 90300000 or more`,
		`topic "app-win-changelog": retention.bytes=1 would lose windows`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestTopicFaults(t *testing.T) {
	for _, row := range []struct {
		name  string
		kind  topicKind
		need  map[string]string
		have  map[string]string
		fault string
	}{
		{"a repartition topic that keeps everything", repartitionTopic, nil, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}, ""},
		{"a compacted repartition topic", repartitionTopic, nil, map[string]string{"cleanup.policy": "compact"}, "cleanup.policy=compact"},
		{"a repartition topic of limited size", repartitionTopic, nil, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "9"}, "retention.bytes=9"},
		{"a compacted changelog", compactedChangelog, nil, map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}, ""},
		{"a versioned changelog that compacts too early", compactedChangelog, map[string]string{"min.compaction.lag.ms": "5"}, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "4"}, "set it to 5 or more"},
		{"a windowed changelog that keeps longer", windowedChangelog, map[string]string{"retention.ms": "5"}, map[string]string{"cleanup.policy": "delete", "retention.ms": "6"}, ""},
		{"a windowed changelog that keeps everything", windowedChangelog, map[string]string{"retention.ms": "5"}, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, ""},
		{"a windowed changelog that is only compacted", windowedChangelog, map[string]string{"retention.ms": "5"}, map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}, ""},
		{"a windowed changelog that must keep everything", windowedChangelog, map[string]string{"retention.ms": "-1"}, map[string]string{"cleanup.policy": "delete", "retention.ms": "6"}, "set it to -1 or more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var configs []kadm.Config
			for k, v := range row.have {
				configs = append(configs, kadm.Config{Key: k, Value: &v})
			}
			got := strings.Join(internalTopic{kind: row.kind, configs: row.need}.faults(configs), "; ")
			if row.fault == "" && got != "" || !strings.Contains(got, row.fault) {
				t.Errorf("got %q, want %q", got, row.fault)
			}
		})
	}
}

func TestEnsureTopicsWaitsForATopicThatAnotherWorkerHasJustCreated(t *testing.T) {
	c := newFake(t)
	cl := newFakeClient(t, c)
	if err := ensureTopics(t.Context(), cl, wantedTopics(), 1); err != nil {
		t.Fatal(err)
	}
	blind := c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "app-kv-changelog", Err: kerr.UnknownTopicOrPartition, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "app-kv-changelog", Err: kerr.UnknownTopicOrPartition, Count: 2})
	if err := ensureTopics(t.Context(), cl, wantedTopics(), 1); err != nil {
		t.Fatal(err)
	}
	if n := blind.Hits(); n != 5 {
		t.Errorf("%d answers were faulty", n)
	}
}

func TestEnsureTopicsSaysWhyItMayNotCreate(t *testing.T) {
	c := newFake(t)
	cl := newFakeClient(t, c)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "app-kv-changelog", Err: kerr.TopicAuthorizationFailed, Count: -1})
	err := ensureTopics(t.Context(), cl, wantedTopics(), 1)
	if err == nil || !strings.Contains(err.Error(), `creating topic "app-kv-changelog"`) || !strings.Contains(err.Error(), "CREATE") {
		t.Errorf("error %v", err)
	}
}

func TestPartitionCounts(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(3, "here"), kfake.SeedTopics(5, "there"))
	cl := newFakeClient(t, c)
	got, err := partitionCounts(t.Context(), cl, []string{"here", "there"})
	if err != nil || got["here"] != 3 || got["there"] != 5 || len(got) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "there", Err: kerr.TopicAuthorizationFailed, Count: -1})
	_, err = partitionCounts(t.Context(), cl, []string{"here", "gone", "lost", "there"})
	for _, want := range []string{`source topic "gone" does not exist: create it`, `source topic "lost" does not exist`, `source topic "there": TOPIC_AUTH`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestPartitionCountsWaitsForATopicThatIsJustBeingCreated(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(3, "new"))
	blind := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "new", Err: kerr.UnknownTopicOrPartition, Count: 4})
	got, err := partitionCounts(t.Context(), newFakeClient(t, c), []string{"new"})
	if err != nil || got["new"] != 3 || blind.Hits() != 4 {
		t.Errorf("got %v, %v after %d answers without the topic", got, err, blind.Hits())
	}
}

func TestPartitionCountsGivesUpOnBrokersThatDoNotAnswer(t *testing.T) {
	for _, row := range []struct {
		name string
		dial func(context.Context) error
		want string
	}{
		{"silence", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			"no broker of [nowhere:9092] answered within 10s: is the address right?"},
		{"a closed port", func(context.Context) error { return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} },
			"is the address right? does the broker ask for TLS or SASL? (unable to dial: dial: connection refused)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl, err := kgo.NewClient(kgo.SeedBrokers("nowhere:9092"),
					kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, row.dial(ctx) }))
				if err != nil {
					t.Fatal(err)
				}
				defer cl.Close()
				_, err = partitionCounts(t.Context(), cl, []string{"a"})
				if err == nil || !strings.Contains(err.Error(), row.want) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A broker that wants TLS closes a connection on which it is spoken to without.
func TestPartitionCountsSaysThatTLSMayBeMissing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			_, _ = conn.Read(make([]byte, 1024))
			_ = conn.Close()
		}
	}()
	cl, err := kgo.NewClient(kgo.SeedBrokers(l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	_, err = partitionCounts(t.Context(), cl, []string{"a"})
	if err == nil || !strings.Contains(err.Error(), "is TLS missing?") {
		t.Errorf("error %v", err)
	}
}

func TestPurge(t *testing.T) {
	cl := newFakeClient(t, newFake(t, kfake.SeedTopics(2, "r")), kgo.DefaultProduceTopic("r"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for range 5 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Partition: 1}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := purge(t.Context(), cl, map[string]map[int32]int64{"r": {0: 0, 1: 3}}); err != nil {
		t.Fatal(err)
	}
	starts, err := kadm.NewClient(cl).ListStartOffsets(t.Context(), "r")
	if err != nil || starts["r"][0].Offset != 0 || starts["r"][1].Offset != 3 {
		t.Errorf("log starts %v, %v", starts, err)
	}
	err = purge(t.Context(), cl, map[string]map[int32]int64{"r": {0: 1, 1: 4}})
	if !errors.Is(err, kerr.OffsetOutOfRange) || !strings.Contains(err.Error(), `topic "r" partition 0`) {
		t.Errorf("error %v", err)
	}
	starts, err = kadm.NewClient(cl).ListStartOffsets(t.Context(), "r")
	if err != nil || starts["r"][1].Offset != 4 {
		t.Errorf("log starts %v, %v", starts, err)
	}
}
