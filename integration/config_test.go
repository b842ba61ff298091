//go:build integration

package integration

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// misfit is a worker that cannot run, and what its error has to say.
type misfit struct {
	name string
	// build and options make the worker, and prepare what it runs into.
	build   func(f *fixture, b *topology.Builder)
	options func(f *fixture) []tidemill.Option
	want    []string
}

// counting counts what is in a topic of two partitions.
func counting(f *fixture, b *topology.Builder) {
	b.Stream[string, string](f.topic("in", 2)).
		GroupBy(func(_, value string) string { return value }, topology.Named("by-value")).
		Count(topology.StoreName("counts")).ToStream().To(f.topic("out", 2))
}

// existing has a topic exist before the worker starts.
func existing(name string, partitions int32, config map[string]string) func(*fixture, *topology.Builder) {
	return func(f *fixture, b *topology.Builder) {
		set := map[string]*string{}
		for key, value := range config {
			set[key] = &value
		}
		f.create(f.app+name, partitions, set)
		counting(f, b)
	}
}

var misfits = []misfit{
	{
		name: "missing source topics",
		build: func(f *fixture, b *topology.Builder) {
			b.Streams[string, string]([]string{"none", f.topic("in", 1), "nowhere"}).To(f.topic("out", 1))
		},
		want: []string{
			`source topic "none" does not exist: create it or check the name`, `source topic "nowhere" does not exist`,
		},
	},
	{
		name:  "a missing sink topic",
		build: func(f *fixture, b *topology.Builder) { b.Stream[string, string](f.topic("in", 1)).To("none") },
		want:  []string{`sink topic "none" does not exist: create it or check the name`},
	},
	{
		name:  "a missing dead-letter topic",
		build: counting,
		options: func(*fixture) []tidemill.Option {
			return []tidemill.Option{tidemill.OnError(tidemill.DeadLetter("dead"))}
		},
		want: []string{`sink topic "dead" does not exist: create it or check the name`},
	},
	{
		name: "a join of topics with different partitions",
		build: func(f *fixture, b *topology.Builder) {
			rows := b.Table[string, string](f.topic("rows", 4))
			b.Stream[string, string](f.topic("in", 3)).Join(rows, func(v, row string) string { return v + row }).To(f.topic("out", 1))
		},
		want: []string{"the sides of a join need the same number of partitions: ", "in has 3", "rows has 4", "repartition one side with Repartition(topology.Partitions(n)), or create the topics alike"},
	},
	{
		name: "two stores of one name, and two operators",
		build: func(f *fixture, b *topology.Builder) {
			s := b.Stream[string, string](f.topic("in", 1))
			s.GroupByKey().Count(topology.StoreName("s"))
			s.GroupByKey().Reduce(func(a, _ string) string { return a }, topology.StoreName("s"))
			s.Peek(func(_, _ string) {}, topology.Named("p")).Peek(func(_, _ string) {}, topology.Named("p"))
		},
		want: []string{`two stores are named "s": give one of them another name`, `two nodes are named "p": give one of them another name with Named`},
	},
	{
		name:  "options that do not fit",
		build: counting,
		options: func(*fixture) []tidemill.Option {
			return []tidemill.Option{tidemill.ExactlyOnce(), tidemill.CommitInterval(20 * time.Second), tidemill.CacheBytes(-1), tidemill.OnError(tidemill.DeadLetter(""))}
		},
		want: []string{
			"TransactionTimeout is 10s and CommitInterval 20s: every transaction would be aborted; make the timeout longer",
			"CacheBytes is -1: give 0 to turn caching off", "OnProduceError: a dead-letter policy needs the name of a topic",
		},
	},
	{
		name:    "no brokers",
		build:   counting,
		options: func(*fixture) []tidemill.Option { return []tidemill.Option{tidemill.Brokers()} },
		want:    []string{"no brokers: give their addresses with Brokers"},
	},
	{
		name:    "a port that nobody listens at",
		build:   counting,
		options: func(*fixture) []tidemill.Option { return []tidemill.Option{tidemill.Brokers("127.0.0.1:1")} },
		want:    []string{"no broker of [127.0.0.1:1] answered", "is the address right? does the broker ask for TLS or SASL?", "connection refused"},
	},
	{
		name:    "a host that does not exist",
		build:   counting,
		options: func(*fixture) []tidemill.Option { return []tidemill.Option{tidemill.Brokers("broker.invalid:9092")} },
		want:    []string{"no broker of [broker.invalid:9092] answered", "is the address right?", "lookup broker.invalid"},
	},
	{
		name:    "a port where somebody listens and says nothing",
		build:   counting,
		options: func(f *fixture) []tidemill.Option { return []tidemill.Option{tidemill.Brokers(f.mute())} },
		want:    []string{"no broker of [127.0.0.1:", "answered within 10s: is the address right? does the broker ask for TLS or SASL?"},
	},
	{
		name:  "a state folder below a file",
		build: counting,
		options: func(f *fixture) []tidemill.Option {
			return []tidemill.Option{tidemill.StateDir(f.file("file", "") + "/state")}
		},
		want: []string{"state folder ", "not a directory: choose a folder that this user may write with StateDir"},
	},
	{
		name:    "a state folder on a file system that nobody may write",
		build:   counting,
		options: func(*fixture) []tidemill.Option { return []tidemill.Option{tidemill.StateDir("/proc/tidemill")} },
		want:    []string{"state folder /proc/tidemill: ", ": choose a folder that this user may write with StateDir"},
	},
	{
		name:  "a state folder that something else has written to",
		build: counting,
		options: func(f *fixture) []tidemill.Option {
			root := f.t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, f.app, "0"), 0o750); err != nil {
				f.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, f.app, "0", "instance"), []byte("?"), 0o640); err != nil {
				f.t.Fatal(err)
			}
			return []tidemill.Option{tidemill.StateDir(root)}
		},
		want: []string{`/0: the file "instance" is damaged: delete the folder, it is rebuilt from the changelogs`},
	},
	{
		name:  "a changelog with too many partitions",
		build: existing("-counts-changelog", 3, map[string]string{"cleanup.policy": "compact"}),
		want:  []string{"-counts-changelog\" has 3 partitions, the topology needs 2: restore the number of partitions of its sources, or delete the topic and what it holds, or start afresh under another application id"},
	},
	{
		name:  "a repartition topic with too few partitions",
		build: existing("-by-value-repartition", 1, map[string]string{"retention.ms": "-1"}),
		want:  []string{"-by-value-repartition\" has 1 partitions, the topology needs 2: restore the number"},
	},
	{
		name:  "a changelog that forgets",
		build: existing("-counts-changelog", 2, map[string]string{"cleanup.policy": "delete"}),
		want:  []string{"-counts-changelog\": cleanup.policy=delete would lose state: set it to compact"},
	},
	{
		name:  "a repartition topic that compacts and forgets",
		build: existing("-by-value-repartition", 2, map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "60000"}),
		want:  []string{"cleanup.policy=compact,delete would lose records that are still to be processed: set it to delete", "retention.ms=60000 would lose records that are still to be processed: set it to -1"},
	},
	{
		name:  "a session timeout below what the broker allows",
		build: counting,
		options: func(*fixture) []tidemill.Option {
			return []tidemill.Option{tidemill.SessionTimeout(100 * time.Millisecond)}
		},
		want: []string{"group: INVALID_SESSION_TIMEOUT: ", "group.min.session.timeout.ms", ": choose another SessionTimeout"},
	},
	{
		name:  "a transaction timeout above what the broker allows",
		build: counting,
		options: func(*fixture) []tidemill.Option {
			return []tidemill.Option{tidemill.ExactlyOnce(), tidemill.TransactionTimeout(24 * time.Hour)}
		},
		want: []string{"INVALID_TRANSACTION_TIMEOUT: ", "transaction.max.timeout.ms", ": choose a shorter TransactionTimeout"},
	},
	{
		name: "a group that belongs to something else",
		build: func(f *fixture, b *topology.Builder) {
			counting(f, b)
			f.join()
		},
		want: []string{"group: INCONSISTENT_GROUP_PROTOCOL: ", "the group has other members than workers of this application: stop them, or choose another application id"},
	},
}

func TestAWorkerThatCannotRunSaysWhatToDo(t *testing.T) {
	for _, m := range misfits {
		t.Run(m.name, func(t *testing.T) {
			f := newFixture(t)
			b := topology.New(f.app)
			m.build(f, b)
			var options []tidemill.Option
			if m.options != nil {
				options = m.options(f)
			}
			began := time.Now()
			w := f.work(b, options...)
			select {
			case <-w.ended:
			case <-time.After(patience):
				t.Fatalf("the worker has not ended after %v", patience)
			}
			if w.err == nil {
				t.Fatal("the worker ended without an error")
			}
			t.Logf("after %v: %v", round(time.Since(began)), w.err)
			for _, part := range m.want {
				if n := strings.Count(w.err.Error(), part); n != 1 {
					t.Errorf("%q is in the error %d times, want once", part, n)
				}
			}
		})
	}
}

// file makes a file and returns its name.
func (f *fixture) file(name, content string) string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// mute listens at a port and never answers.
func (f *fixture) mute() string {
	f.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// join has a plain consumer be a member of the application's group.
func (f *fixture) join() {
	f.t.Helper()
	joined := make(chan struct{})
	f.newClient(kgo.ConsumerGroup(f.app), kgo.ConsumeTopics(f.app+".in"), kgo.Balancers(kgo.RangeBalancer()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, _ map[string][]int32) { close(joined) }))
	select {
	case <-joined:
	case <-time.After(30 * time.Second):
		f.t.Fatal("the consumer does not become a member")
	}
}
