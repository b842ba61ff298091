//go:build integration

package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
)

// largeTopology counts by key and, behind a repartition, by the other half of the
// key, so that there are two tasks and two stores for each partition.
func largeTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	read := b.Stream[string, string](j.Topics["in"])
	read.GroupByKey().Count(topology.StoreName("keys")).ToStream().To(j.Topics["out"])
	read.GroupBy(func(key, _ string) string { return key[len(key)/2:] }).
		Count(topology.StoreName("halves")).ToStream().To(j.Topics["out"])
	return b
}

const mib = 1 << 20

// The memory of a worker is what the options bound, and what comes on top.
const (
	cacheBytes    = 16 * mib
	bufferedBytes = 4 * mib
	// rowBytes is what the stores hold in memory: what is kept for reading, what
	// waits for a checkpoint, and what one is writing, each as much as CacheBytes.
	rowBytes = 3 * cacheBytes
	// fetchBytes is what is being fetched and decoded: half of BufferedBytes on the
	// wire, several times that as records.
	fetchBytes = 3 * bufferedBytes
	// produceBytes is what the producer holds until it is acknowledged.
	produceBytes = 64 * mib
	// databaseBytes is what the database takes: its cache and its write buffers, as
	// package state/pebble says.
	databaseBytes = 80 * mib
	// processBytes is what any such program has: its code, connections and stacks.
	processBytes = 40 * mib
)

// memoryBound is what a worker may take. What is on the garbage-collected heap
// counts twice: it grows to double of what is in use before it is collected. The
// database's memory is not on that heap.
const memoryBound = 2*(rowBytes+bufferedBytes+fetchBytes+produceBytes) + databaseBytes + processBytes

func TestALargeStateIsProcessedAndRestoredInTheMemoryThatTheOptionsName(t *testing.T) {
	for _, c := range []struct {
		name                      string
		partitions, keys, records int
	}{
		{"64 partitions", 64, 200_000, 600_000},
		{"a million keys", 4, 1_000_000, 1_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			j := job{
				Application: f.app, Topology: "large", Brokers: f.brokers, ExactlyOnce: true, CacheBytes: cacheBytes, BufferedBytes: bufferedBytes,
				StateDir: t.TempDir(), SessionTimeout: 6 * time.Second,
				Topics: map[string]string{"in": f.topic("in", int32(c.partitions)), "out": f.topic("out", int32(c.partitions))},
			}
			f.fill(j.Topics["in"], c.keys, c.records)
			began := time.Now()
			p := startWorker(t, "worker", j)
			await(t, "everything is committed", func() bool {
				p.alive(t)
				return f.lag(j.Topics["in"]) == 0 && f.lag(f.app+"-halves-repartition") <= 1
			})
			t.Logf("%d records in %v, peak memory %d MiB of %d", c.records, round(time.Since(began)), p.peak(t)/mib, memoryBound/mib)
			if peak := p.peak(t); peak > memoryBound {
				t.Errorf("peak memory was %d MiB, want at most %d", peak/mib, memoryBound/mib)
			}
			p.kill()
			if err := os.RemoveAll(filepath.Join(j.StateDir, j.Application)); err != nil {
				t.Fatal(err)
			}
			began = time.Now()
			p = startWorker(t, "again", j)
			await(t, "the stores are restored", func() bool { return len(p.seen(started)) == 2*c.partitions })
			var restoredRecords int64
			for _, r := range p.seen(restored) {
				restoredRecords += r.Records
			}
			t.Logf("restored %d records in %v, peak memory %d MiB", restoredRecords, round(time.Since(began)), p.peak(t)/mib)
			if peak := p.peak(t); peak > memoryBound {
				t.Errorf("peak memory was %d MiB, want at most %d", peak/mib, memoryBound/mib)
			}
			p.stop(t)
		})
	}
}

// fill writes records of 100 bytes that go round this many keys.
func (f *fixture) fill(topic string, keys, records int) {
	f.t.Helper()
	var failed firstError
	for n := range records {
		value := fmt.Appendf(nil, "%020d%020d%020d%020d", rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64())
		r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "key-%08d", n*7919%keys), Value: value}
		f.client.Produce(f.t.Context(), r, func(_ *kgo.Record, err error) { failed.set(err) })
	}
	if err := f.client.Flush(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	if failed.err != nil {
		f.t.Fatal(failed.err)
	}
}

// alive fails the test if the worker has ended.
func (p *process) alive(t *testing.T) {
	t.Helper()
	if ended(p.ended) {
		t.Fatalf("worker %s ended: %v\n%s", p.name, p.err, p.logTail())
	}
}

// peak is the most memory that a worker has had resident, in bytes.
func (p *process) peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == "VmHWM:" {
			kib, err := strconv.Atoi(string(fields[1]))
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("the system does not tell the peak memory")
	return 0
}
