package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// LatencyLine is the time from just before a record is produced to when a
// consumer has what a worker made of it, in milliseconds.
type LatencyLine struct {
	ExactlyOnce bool
	Commit      time.Duration
	Raw         bool
	Runs        []Latency
}

// Latency is one run.
type Latency struct{ P50, P99, Max float64 }

// latencyCommits are the commit intervals that latency is measured with.
var latencyCommits = []time.Duration{100 * time.Millisecond, 20 * time.Millisecond}

func (b *bench) measureLatency(ctx context.Context) ([]*LatencyLine, error) {
	var lines []*LatencyLine
	for _, exactlyOnce := range b.exactlyOnce {
		for _, commit := range latencyCommits {
			for _, rawLoop := range []bool{true, false} {
				lines = append(lines, &LatencyLine{ExactlyOnce: exactlyOnce, Commit: commit, Raw: rawLoop})
			}
		}
	}
	for range b.runs {
		for _, line := range lines {
			l, err := b.sampleLatency(ctx, line)
			if err != nil {
				return nil, fmt.Errorf("latency, %s: %w", guaranteeName(line.ExactlyOnce), err)
			}
			line.Runs = append(line.Runs, l)
			b.say("latency, %s, commit %v, raw %t: p50 %.1f ms, p99 %.1f ms", guaranteeName(line.ExactlyOnce), line.Commit, line.Raw, l.P50, l.P99)
		}
	}
	return lines, nil
}

// sampleLatency runs a worker that passes on every record.
func (b *bench) sampleLatency(ctx context.Context, line *LatencyLine) (l Latency, err error) {
	j := b.newJob(relay, line.Raw, line.ExactlyOnce)
	j.Commit, j.Input = line.Commit, j.App+"-in"
	if err := b.create(ctx, nil, j.Input, j.Output); err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir)) }()
	c, err := startChild(ctx, j)
	if err != nil {
		return l, err
	}
	if _, err := c.await(ctx, runningReport, nil); err != nil {
		return l, err
	}
	working, cancel := c.during(ctx)
	defer cancel()
	times, err := b.drive(working, j)
	if err != nil {
		return l, c.failure(err)
	}
	if _, err := c.finish(ctx, nil); err != nil {
		return l, err
	}
	if _, err := c.wait(ctx); err != nil {
		return l, err
	}
	slices.Sort(times)
	return Latency{P50: percentile(times, 50), P99: percentile(times, 99), Max: times[len(times)-1]}, nil
}

// warmUp is how long records flow before their latency counts.
const warmUp = 3 * time.Second

// drive produces records at the rate and returns the latency of each, in
// milliseconds.
func (b *bench) drive(ctx context.Context, j job) ([]float64, error) {
	warm := int(warmUp.Seconds() * float64(b.rate))
	total := warm + int(b.duration.Seconds()*float64(b.rate))
	ctx, cancel := context.WithTimeout(ctx, warmUp+b.duration+time.Minute)
	defer cancel()
	produced := make(chan error, 1)
	go func() { produced <- b.generate(ctx, j.Input, total) }()
	times, err := b.receive(ctx, j.Output, total, warm)
	if err != nil {
		cancel()
	}
	return times, errors.Join(err, <-produced)
}

// generate produces records at the rate, each with its number and the time.
func (b *bench) generate(ctx context.Context, topic string, total int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	failed := make(chan error, 1)
	acknowledged := func(_ *kgo.Record, err error) {
		if err != nil {
			select {
			case failed <- err:
			default:
			}
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for sent := 0; sent < total; {
		due := min(int(time.Since(begin).Seconds()*float64(b.rate)), total)
		for ; sent < due; sent++ {
			value := make([]byte, 16, input.Bytes)
			binary.BigEndian.PutUint64(value, uint64(sent))
			binary.BigEndian.PutUint64(value[8:], uint64(time.Now().UnixNano()))
			cl.Produce(ctx, &kgo.Record{Topic: topic, Key: value[:8], Value: value[:cap(value)]}, acknowledged)
		}
		select {
		case <-tick.C:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return cl.Flush(ctx)
}

// receive reads all results and tells the latencies of those after the warm-up.
func (b *bench) receive(ctx context.Context, topic string, total, warm int) ([]float64, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var times []float64
	for seen := 0; seen < total; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d results: %w", seen, total, err)
		}
		now := time.Now().UnixNano()
		for r := range fetches.RecordsAll() {
			if binary.BigEndian.Uint64(r.Value) >= uint64(warm) {
				times = append(times, float64(now-int64(binary.BigEndian.Uint64(r.Value[8:])))/1e6)
			}
			seen++
		}
	}
	return times, nil
}

// latencyAim is the aim for the 99th percentile under exactly-once, in ms.
const latencyAim = 50

func latencyTable(lines []*LatencyLine) table {
	t := table{
		caption: "End-to-end latency in milliseconds at a fixed rate:",
		head:    []string{"guarantee", "commit interval", "worker", "p50", "p99", "max", "p99 aim"},
	}
	for _, l := range lines {
		p99 := median(l.Runs, func(l Latency) float64 { return l.P99 })
		worker, aim := "Tidemill", "-"
		if l.Raw {
			worker = "raw"
		}
		if !l.Raw && l.ExactlyOnce && l.Commit == slices.Min(latencyCommits) {
			aim = mark(p99, latencyAim)
		}
		t.rows = append(t.rows, []string{
			guaranteeName(l.ExactlyOnce), l.Commit.String(), worker,
			fmt.Sprintf("%.1f", median(l.Runs, func(l Latency) float64 { return l.P50 })),
			fmt.Sprintf("%.1f", p99),
			fmt.Sprintf("%.1f", median(l.Runs, func(l Latency) float64 { return l.Max })), aim,
		})
	}
	return t
}
