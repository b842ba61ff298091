package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// RestoreLine is what one kind of start takes.
type RestoreLine struct {
	Case        string
	ExactlyOnce bool
	Runs        []Restore
	// aim is the budget's, for the restore or for the first result; 0 is none.
	restoreAim, firstAim float64
}

// Restore is one start. All times are in seconds.
type Restore struct {
	// Restored is the time from the beginning of the first task's restore to the
	// end of the last one's, or what fetching the changelog takes.
	Restored float64
	// First is the time from the birth of the process to its first result.
	First float64
	// Records is how many changelog records were read.
	Records int64
	CPU     float64
	PeakMiB float64
}

// The aims of the budget, in seconds.
const (
	restoreAim = 2
	startAim   = 0.5
)

func (b *bench) measureRestore(ctx context.Context) ([]*RestoreLine, error) {
	fetch := &RestoreLine{Case: "raw: fetch the changelog, keep nothing"}
	lines := []*RestoreLine{fetch}
	for _, exactlyOnce := range b.exactlyOnce {
		lines = append(lines,
			&RestoreLine{Case: "start with an empty store", ExactlyOnce: exactlyOnce, firstAim: startAim},
			&RestoreLine{Case: fmt.Sprintf("cold restore of %d records, %d keys", b.changelog, b.changelog/2), ExactlyOnce: exactlyOnce, restoreAim: restoreAim})
	}
	for range b.runs {
		for _, line := range lines {
			r, err := b.sampleRestore(ctx, line, line == fetch)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", line.Case, guaranteeName(line.ExactlyOnce), err)
			}
			line.Runs = append(line.Runs, r)
			b.say("%s, %s: restored %d in %.2f s, first result after %.2f s", line.Case, guaranteeName(line.ExactlyOnce), r.Records, r.Restored, r.First)
		}
	}
	return lines, nil
}

func (b *bench) sampleRestore(ctx context.Context, line *RestoreLine, rawLoop bool) (r Restore, err error) {
	j := b.newJob(restored, rawLoop, line.ExactlyOnce)
	changelog := j.App + "-" + countsStore + "-changelog"
	j.Input = j.App + "-in"
	if err := b.create(ctx, nil, j.Input, j.Output); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir)) }()
	if rawLoop || line.restoreAim > 0 {
		b.say("filling a changelog with %d records", b.changelog)
		config := map[string]*string{"cleanup.policy": kadm.StringPtr("compact"), "message.timestamp.type": kadm.StringPtr("CreateTime")}
		if err := b.create(ctx, config, changelog); err != nil {
			return r, err
		}
		if err := input.FillChangelog(ctx, b.brokers, changelog, b.changelog, b.changelog/2, time.Now()); err != nil {
			return r, err
		}
	}
	if rawLoop {
		j.Input, j.Records = changelog, b.changelog
		return b.fetchOnly(ctx, j)
	}
	return b.restoreOnce(ctx, j)
}

// fetchOnly measures the raw loop, which ends by itself.
func (b *bench) fetchOnly(ctx context.Context, j job) (Restore, error) {
	c, err := startChild(ctx, j)
	if err != nil {
		return Restore{}, err
	}
	begin, err := c.await(ctx, runningReport, nil)
	if err != nil {
		return Restore{}, err
	}
	end, err := c.await(ctx, finishedReport, nil)
	if err != nil {
		return Restore{}, err
	}
	cpu, err := c.wait(ctx)
	return Restore{
		Restored: end.At.Sub(begin.At).Seconds(), Records: int64(j.Records),
		CPU: cpu.Seconds(), PeakMiB: float64(end.PeakRSS) / (1 << 20),
	}, err
}

// restoreOnce starts a worker whose input has one record in each partition and
// waits for the first result.
func (b *bench) restoreOnce(ctx context.Context, j job) (r Restore, err error) {
	for partition := range int32(partitions) {
		key, _ := input.Counter(int(partition), 0)
		record := &kgo.Record{Topic: j.Input, Partition: partition, Key: key, Value: []byte("v")}
		if err := b.produceTo(ctx, record); err != nil {
			return r, err
		}
	}
	c, err := startChild(ctx, j)
	if err != nil {
		return r, err
	}
	var first, last time.Time
	note := func(one report) {
		if one.Kind != restoredReport {
			return
		}
		if begin := one.At.Add(-one.Took); first.IsZero() || begin.Before(first) {
			first = begin
		}
		last = one.At
		r.Records += one.Records
	}
	working, cancel := c.during(ctx)
	defer cancel()
	result, err := b.firstResult(working, j.Output)
	if err != nil {
		return r, c.failure(err)
	}
	r.First = result.Sub(c.born).Seconds()
	if _, err := c.await(ctx, runningReport, note); err != nil {
		return r, err
	}
	if err := b.awaitPosition(working, position{group: j.App, topic: j.Input}); err != nil {
		return r, c.failure(err)
	}
	end, err := c.finish(ctx, note)
	if err != nil {
		return r, err
	}
	cpu, err := c.wait(ctx)
	r.Restored, r.CPU, r.PeakMiB = last.Sub(first).Seconds(), cpu.Seconds(), float64(end.PeakRSS)/(1<<20)
	return r, err
}

// produceTo writes a record to the partition that it names.
func (b *bench) produceTo(ctx context.Context, r *kgo.Record) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer cl.Close()
	return cl.ProduceSync(ctx, r).FirstErr()
}

// firstResult waits for a committed record of a topic.
func (b *bench) firstResult(ctx context.Context, topic string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return time.Time{}, err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return time.Time{}, fmt.Errorf("no result: %w", err)
		}
		if fetches.NumRecords() > 0 {
			return time.Now(), nil
		}
	}
}

func restoreTable(lines []*RestoreLine) table {
	t := table{
		caption: "Restore and start, in seconds (first result: from the start of the process, its commit included):",
		head:    []string{"case", "guarantee", "records", "restore", "aim", "first result", "aim", "CPU s", "peak MiB"},
	}
	for _, l := range lines {
		restore := median(l.Runs, func(r Restore) float64 { return r.Restored })
		first := median(l.Runs, func(r Restore) float64 { return r.First })
		aims := [2]string{"-", "-"}
		if l.restoreAim > 0 {
			aims[0] = mark(restore, l.restoreAim)
		}
		if l.firstAim > 0 {
			aims[1] = mark(first, l.firstAim)
		}
		t.rows = append(t.rows, []string{
			l.Case, guaranteeName(l.ExactlyOnce), fmt.Sprintf("%.0f", median(l.Runs, func(r Restore) float64 { return float64(r.Records) })),
			fmt.Sprintf("%.2f", restore), aims[0], fmt.Sprintf("%.2f", first), aims[1],
			fmt.Sprintf("%.2f", median(l.Runs, func(r Restore) float64 { return r.CPU })),
			fmt.Sprintf("%.0f", median(l.Runs, func(r Restore) float64 { return r.PeakMiB })),
		})
	}
	return t
}
