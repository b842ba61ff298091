package tidemill_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// grow gives a topic more partitions.
func (b *bench) grow(topic string, to int) {
	b.t.Helper()
	res, err := kadm.NewClient(b.client).UpdatePartitions(b.ctx, to, topic)
	if err == nil {
		err = res.Error()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.ForceMetadataRefresh()
}

// quickly has the clients look for changed topics all the time.
func quickly() tidemill.Option {
	return tidemill.ClientOptions(kgo.MetadataMaxAge(300 * time.Millisecond))
}

func TestNewPartitionsOfASourceAreReadWhileTheWorkerRuns(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	b.worker(func() *topology.Builder {
		builder := topology.New("copy")
		builder.Stream[string, string]("in").To("out")
		return builder
	}, tidemill.ExactlyOnce(), quickly())
	b.produce(&kgo.Record{Topic: "in", Value: []byte("before")})
	seen := func(want string) {
		b.follow("out", func(r *kgo.Record) bool { return string(r.Value) == want })
	}
	seen("before")
	b.grow("in", 5)
	manual, err := kgo.NewClient(kgo.SeedBrokers(b.addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer manual.Close()
	if err := manual.ProduceSync(b.ctx, &kgo.Record{Topic: "in", Partition: 4, Value: []byte("behind")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	seen("behind")
}

// A store has a changelog with as many partitions as its source had. With more of them
// keys would be counted in two places, so the worker ends and says what to do.
func TestAWorkerWithStoresEndsWhenASourceGrows(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	build := func() *topology.Builder {
		builder := topology.New("count")
		builder.Stream[string, string]("in").GroupByKey().Count(topology.StoreName("counts")).ToStream().To("out")
		return builder
	}
	stop, ended := b.worker(build, tidemill.ExactlyOnce(), quickly())
	b.produce(&kgo.Record{Topic: "in", Key: []byte("a"), Value: []byte("x")})
	b.counted(map[string]int64{"a": 1})
	b.grow("in", 4)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the worker goes on")
	}
	err := stop()
	for _, want := range []string{`topic "count-counts-changelog" has 2 partitions, the topology needs 4`, "restore the number of partitions"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the worker ended with %v, want %q in it", err, want)
		}
	}
}
