//go:build integration

package integration

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
)

// countTopology counts by key. Every update is logged.
func countTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	b.Stream[string, string](j.Topics["in"]).
		GroupByKey().
		Count(topology.StoreName("counts"), topology.WithoutCache()).
		ToStream().
		To(j.Topics["out"])
	return b
}

// newest is the last value of each key of a topic of counts.
func (f *fixture) newest(topic string) map[string]int64 {
	f.t.Helper()
	out := map[string]int64{}
	for _, r := range f.read(topic) {
		out[string(r.Key)] = int64(binary.BigEndian.Uint64(r.Value))
	}
	return out
}

// keyed makes n records that go round the keys <prefix>0 to <prefix>9.
func keyed(topic, prefix string, n int) []*kgo.Record {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: []byte(prefix + strconv.Itoa(i%10)), Value: []byte("x")}
	}
	return records
}

func counted(prefix string, n int64) map[string]int64 {
	out := map[string]int64{}
	for i := range 10 {
		out[prefix+strconv.Itoa(i)] = n
	}
	return out
}

func TestAfterAKillOnlyTheTailOfTheChangelogIsReplayed(t *testing.T) {
	const partitions, batches, batch = 4, 30, 1000
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "count", Brokers: f.brokers, ExactlyOnce: true, StateDir: t.TempDir(),
		Topics:             map[string]string{"in": f.topic("in", partitions), "out": f.topic("out", partitions)},
		CheckpointInterval: time.Second, SessionTimeout: 3 * time.Second,
	}
	changelog := f.app + "-counts-changelog"
	p := startWorker(t, "first", j)
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for range batches {
		f.produce(keyed(j.Topics["in"], "k", batch)...)
		<-tick.C
	}
	p.kill()
	total := int64(len(f.read(changelog)))

	p = startWorker(t, "again", j)
	tail := replayed(t, p, partitions)
	t.Logf("replayed %d of the %d records of the changelog", tail, total)
	if tail*3 > total {
		t.Errorf("replayed %d of %d records, want only the tail", tail, total)
	}
	f.awaitCounts(j.Topics["out"], counted("k", batches*batch/10))
	p.kill()
	if err := os.RemoveAll(filepath.Join(j.StateDir, j.Application)); err != nil {
		t.Fatal(err)
	}
	total = int64(len(f.read(changelog)))
	p = startWorker(t, "afresh", j)
	if all := replayed(t, p, partitions); all != total {
		t.Errorf("without its state the worker replayed %d of %d records", all, total)
	}
	f.produce(keyed(j.Topics["in"], "k", 10)...)
	f.awaitCounts(j.Topics["out"], counted("k", batches*batch/10+1))
	p.stop(t)
}

// replayed waits until the tasks of a worker are restored and returns how many
// records that took.
func replayed(t *testing.T, p *process, tasks int) (n int64) {
	t.Helper()
	await(t, "all tasks are restored", func() bool { return len(p.seen(restored)) >= tasks })
	for _, r := range p.seen(restored) {
		n += r.Records
	}
	return n
}

// awaitCounts waits until the newest counts of a topic are these. A count that is
// too high is an error at once.
func (f *fixture) awaitCounts(topic string, want map[string]int64) {
	f.t.Helper()
	have := map[string]int64{}
	defer func() {
		if f.t.Failed() {
			f.t.Logf("newest counts: %v", have)
		}
	}()
	await(f.t, fmt.Sprintf("the counts of %s are right", topic), func() bool {
		have = f.newest(topic)
		for key, n := range have {
			if n > want[key] {
				f.t.Fatalf("count of %s is %d, want %d", key, n, want[key])
			}
		}
		return maps.Equal(have, want)
	})
}
