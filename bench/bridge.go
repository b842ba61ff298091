package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/bench/raw"
	"github.com/tidemill/tidemill/connectors/redis/bridge"
	"github.com/tidemill/tidemill/topology"
)

// BridgeLine is a kind of route, both sides. Their throughput is that until all input was
// in Redis and committed.
type BridgeLine struct {
	Kind          string
	Raw, Tidemill []Sample
}

// bridgeCommit is how often both sides commit, which is how exactly their end is seen.
const bridgeCommit = 100 * time.Millisecond

// bridges are what the bridge is measured with.
var bridges = []workload{
	{name: "bridge-stream", keys: manyKeys, raw: raw.BridgeStream, build: buildBridge("stream", "")},
	{name: "bridge-hash", keys: manyKeys, raw: raw.BridgeHash, build: buildBridge("hash", "{key}")},
}

func buildBridge(to, field string) func(*topology.Builder, job) {
	return func(b *topology.Builder, j job) {
		c, err := bridge.Parse(strings.NewReader(fmt.Sprintf(
			"{application: %q, kafka: {brokers: [%q]}, redis: {url: %q}, routes: [{topic: %q, to: %s, key: %q, field: %q}]}",
			j.App, j.Brokers[0], "redis://"+j.Redis, j.Input, to, j.Output, field)))
		if err == nil {
			err = c.AddTo(b, redis.NewClient(&redis.Options{Addr: j.Redis}))
		}
		if err != nil {
			panic(err) // the configuration is this program's own
		}
	}
}

func (b *bench) measureBridge(ctx context.Context) (lines []*BridgeLine, err error) {
	client := redis.NewClient(&redis.Options{Addr: b.bridge})
	defer func() { err = errors.Join(err, client.Close()) }()
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("--bridge %s: %w", b.bridge, err)
	}
	if err := b.fill(ctx, bridges[0]); err != nil {
		return nil, err
	}
	for _, w := range bridges {
		line := &BridgeLine{Kind: w.name}
		lines = append(lines, line)
		for run := range b.runs {
			counts := [2]int64{}
			for side := range 2 {
				rawLoop := side == run%2 // who begins changes with each run
				s, n, err := b.sampleBridge(ctx, client, w, rawLoop)
				if err != nil {
					return nil, err
				}
				counts[side] = n
				if rawLoop {
					line.Raw = append(line.Raw, s)
				} else {
					line.Tidemill = append(line.Tidemill, s)
				}
			}
			if counts[0] != counts[1] || counts[0] == 0 {
				return nil, fmt.Errorf("%s: wrong result: one side wrote %d, the other %d", w.name, counts[0], counts[1])
			}
		}
	}
	return lines, nil
}

// sampleBridge runs one worker, and counts what it wrote.
func (b *bench) sampleBridge(ctx context.Context, client *redis.Client, w workload, rawLoop bool) (s Sample, n int64, err error) {
	j := b.newJob(w, rawLoop, false)
	in := b.filled[w.keys]
	j.Input, j.Records, j.Redis, j.Commit = in.topic, in.facts.Records, b.bridge, bridgeCommit
	defer func() { err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir)) }()
	if s, err = b.measure(ctx, w, j); err != nil {
		return s, 0, fmt.Errorf("%s, %s: %w", w.name, j.side(), err)
	}
	s.Throughput = float64(j.Records) / s.Seconds
	if kind := client.Type(ctx, j.Output).Val(); kind == "stream" {
		n = client.XLen(ctx, j.Output).Val()
		if n != int64(j.Records) {
			return s, n, fmt.Errorf("%s, %s: wrong result: %d entries of %d records", w.name, j.side(), n, j.Records)
		}
	} else {
		n = client.HLen(ctx, j.Output).Val()
	}
	if err := client.Unlink(ctx, j.Output).Err(); err != nil {
		return s, n, err
	}
	b.say("%-25s %6.2f CPU s/M %5.0f MiB %8.0f records/s %6.2f allocs", w.name+", "+j.side(), s.CPU, s.PeakMiB, s.Throughput, s.Allocs)
	return s, n, nil
}

func bridgeTable(lines []*BridgeLine) table {
	t := table{
		caption: "The bridge to Redis beside a loop of consume and pipelined writes, until all is written and committed (CPU seconds a million records, of the worker alone):",
		head:    []string{"route", "records/s", "raw", "of raw", "CPU", "raw", "allocs", "raw"},
	}
	for _, l := range lines {
		both := func(format string, figure func(Sample) float64) []string {
			return []string{fmt.Sprintf(format, median(l.Tidemill, figure)), fmt.Sprintf(format, median(l.Raw, figure))}
		}
		rate := func(s Sample) float64 { return s.Throughput }
		row := append([]string{l.Kind}, both("%.0f", rate)...)
		row = append(row, fmt.Sprintf("%.2f", median(l.Tidemill, rate)/median(l.Raw, rate)))
		row = append(row, both("%.2f", func(s Sample) float64 { return s.CPU })...)
		t.rows = append(t.rows, append(row, both("%.1f", func(s Sample) float64 { return s.Allocs })...))
	}
	return t
}
