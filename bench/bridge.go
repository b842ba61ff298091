package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/bench/raw"
	"github.com/tidemill/tidemill/connectors/redis/bridge"
	"github.com/tidemill/tidemill/topology"
)

// BridgeLine is a kind of route, both sides. Their throughput is that until all input was
// in Redis.
type BridgeLine struct {
	Kind          string
	Raw, Tidemill []BridgeSample
}

// BridgeSample is a run, with the CPU seconds of Redis per million records.
type BridgeSample struct {
	Sample
	Redis float64
}

// bridges are what the bridge is measured with.
var bridges = []workload{
	{name: "bridge-stream", keys: manyKeys, raw: raw.BridgeStream, build: buildBridge("stream")},
	{name: "bridge-list", keys: manyKeys, raw: raw.BridgeList, build: buildBridge("list")},
}

func buildBridge(to string) func(*topology.Builder, job) {
	return func(b *topology.Builder, j job) {
		c, err := bridge.Parse(strings.NewReader(fmt.Sprintf(
			"{application: %q, kafka: {brokers: [%q]}, redis: {url: %q}, routes: [{topic: %q, to: %s, key: %q}]}",
			j.App, j.Brokers[0], "redis://"+j.Redis, j.Input, to, j.Output)))
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
			for side := range 2 {
				rawLoop := side == run%2 // who begins changes with each run
				s, err := b.sampleBridge(ctx, client, w, rawLoop)
				if err != nil {
					return nil, err
				}
				if rawLoop {
					line.Raw = append(line.Raw, s)
				} else {
					line.Tidemill = append(line.Tidemill, s)
				}
			}
		}
	}
	return lines, nil
}

// sampleBridge runs one worker until every record is in Redis, and its offset committed.
func (b *bench) sampleBridge(ctx context.Context, client *redis.Client, w workload, rawLoop bool) (s BridgeSample, err error) {
	j := b.newJob(w, rawLoop, false)
	in := b.filled[w.keys]
	j.Input, j.Records, j.Redis = in.topic, in.facts.Records, b.bridge
	defer func() {
		err = errors.Join(err, client.Unlink(ctx, j.Output).Err(), b.remove(ctx, j.App), os.RemoveAll(j.StateDir))
	}()
	c, err := startChild(ctx, j)
	if err != nil {
		return s, err
	}
	begin, err := c.await(ctx, runningReport, nil)
	if err != nil {
		return s, err
	}
	used, err := redisCPU(ctx, client)
	if err != nil {
		return s, err
	}
	working, cancel := c.during(ctx)
	defer cancel()
	if err := awaitRedis(working, client, j); err != nil {
		return s, c.failure(err)
	}
	took := time.Since(begin.At)
	if err := b.awaitPosition(working, position{group: j.App, topic: j.Input}); err != nil {
		return s, c.failure(err)
	}
	end, err := c.finish(ctx, nil)
	if err != nil {
		return s, err
	}
	whole, err := c.wait(ctx)
	if err != nil {
		return s, err
	}
	total, err := redisCPU(ctx, client)
	s.Sample, s.Redis = newSample(begin, end, whole, j.Records), (total-used)/float64(j.Records)*1e6
	s.Seconds, s.Throughput = took.Seconds(), float64(j.Records)/took.Seconds()
	b.say("%-25s %6.2f CPU s/M of Redis %5.2f %5.0f MiB %8.0f records/s %6.2f allocs", w.name+", "+j.side(), s.CPU, s.Redis, s.PeakMiB, s.Throughput, s.Allocs)
	return s, errors.Join(err, awaitRedis(ctx, client, j))
}

// redisCPU is the CPU time that Redis has used, in seconds, or 0 if it does not say.
func redisCPU(ctx context.Context, client *redis.Client) (seconds float64, err error) {
	info, err := client.InfoMap(ctx).Result()
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		if n, err := strconv.ParseFloat(info["CPU"][field], 64); err == nil {
			seconds += n
		}
	}
	return seconds, err
}

// awaitRedis waits until there are as many entries or elements as records. More are wrong.
func awaitRedis(ctx context.Context, client *redis.Client, j job) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	length := client.XLen
	if j.Workload == "bridge-list" {
		length = client.LLen
	}
	err := poll(ctx, 5*time.Millisecond, func() (bool, error) {
		n, err := length(ctx, j.Output).Result()
		if n > int64(j.Records) {
			err = fmt.Errorf("wrong result: %d of %d records", n, j.Records)
		}
		return n == int64(j.Records), err
	})
	if err != nil {
		return fmt.Errorf("%s, %s: %w", j.Workload, j.side(), err)
	}
	return nil
}

func bridgeTable(lines []*BridgeLine) table {
	t := table{
		caption: "The bridge to Redis beside a loop of consume and pipelined writes, until all is written (CPU in seconds a million records):",
		head:    []string{"route", "records/s", "raw", "of raw", "CPU", "raw", "CPU of Redis", "raw", "allocs", "raw"},
	}
	for _, l := range lines {
		both := func(format string, figure func(BridgeSample) float64) []string {
			return []string{fmt.Sprintf(format, median(l.Tidemill, figure)), fmt.Sprintf(format, median(l.Raw, figure))}
		}
		rate := func(s BridgeSample) float64 { return s.Throughput }
		row := append([]string{l.Kind}, both("%.0f", rate)...)
		row = append(row, fmt.Sprintf("%.2f", median(l.Tidemill, rate)/median(l.Raw, rate)))
		row = append(row, both("%.2f", func(s BridgeSample) float64 { return s.CPU })...)
		row = append(row, both("%.2f", func(s BridgeSample) float64 { return s.Redis })...)
		t.rows = append(t.rows, append(row, both("%.1f", func(s BridgeSample) float64 { return s.Allocs })...))
	}
	return t
}
