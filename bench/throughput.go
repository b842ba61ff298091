package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tidemill/tidemill/bench/input"
)

// Sample is one run of one worker.
type Sample struct {
	// CPU is the CPU seconds from the assignment of partitions to the end of the
	// work, per million input records; WholeCPU that of the whole process, with its
	// start and its end.
	CPU, WholeCPU float64
	PeakMiB       float64
	// Throughput is input records a second until the last one had been fetched.
	Throughput float64
	// Seconds is the time until the offsets of all input were committed.
	Seconds float64
	// Allocs is allocations per input record.
	Allocs float64
	// Scrape is the CPU seconds of one collection of metrics, of which there was one
	// every second; 0 if nobody collected.
	Scrape float64 `json:",omitzero"`
}

// Line is a workload in one guarantee, both sides.
type Line struct {
	Workload      string
	ExactlyOnce   bool
	Raw, Tidemill []Sample
}

// measureThroughput runs both sides of every workload in turn.
func (b *bench) measureThroughput(ctx context.Context) ([]*Line, error) {
	var lines []*Line
	for _, exactlyOnce := range b.exactlyOnce {
		for _, w := range b.workloads {
			if err := b.fill(ctx, w); err != nil {
				return nil, err
			}
			lines = append(lines, &Line{Workload: w.name, ExactlyOnce: exactlyOnce})
		}
	}
	for run := range b.runs {
		for _, line := range lines {
			w, _ := workloadNamed(line.Workload)
			for side := range 2 {
				rawLoop := side == run%2 // who begins changes with each run
				s, err := b.sample(ctx, w, b.newJob(w, rawLoop, line.ExactlyOnce))
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

// fill writes the topics that a workload reads, unless they are there.
func (b *bench) fill(ctx context.Context, w workload) error {
	start := time.Now().Add(-2 * input.Span).Truncate(time.Hour)
	if _, ok := b.filled[w.keys]; !ok {
		topic := fmt.Sprintf("%s-events-%d", b.prefix, w.keys)
		b.say("filling %s with %d records", topic, b.records)
		if err := b.create(ctx, nil, topic); err != nil {
			return err
		}
		facts, err := input.Events{Topic: topic, Records: b.records, Keys: w.keys, Start: start}.Fill(ctx, b.brokers)
		if err != nil {
			return err
		}
		b.filled[w.keys] = filled{topic, facts}
	}
	if w.rows && b.table == "" {
		b.table = b.prefix + "-rows"
		if err := b.create(ctx, nil, b.table); err != nil {
			return err
		}
		return input.FillRows(ctx, b.brokers, b.table, w.keys, start.Add(-time.Minute))
	}
	return nil
}

// sample runs one worker until it has processed the input, and checks the result.
func (b *bench) sample(ctx context.Context, w workload, j job) (s Sample, err error) {
	in := b.filled[w.keys]
	j.Input, j.Records = in.topic, in.facts.Records
	if w.rows {
		j.Table, j.Rows = b.table, w.keys
	}
	what := fmt.Sprintf("%s, %s, %s", w.name, guaranteeName(j.ExactlyOnce), j.side())
	topics := []string{j.Output}
	if j.Raw && w.repartitioned {
		topics = append(topics, j.repartitionTopic())
	}
	if err := b.create(ctx, nil, topics...); err != nil {
		return s, err
	}
	defer func() {
		err = errors.Join(err, b.remove(ctx, j.App), os.RemoveAll(j.StateDir))
	}()
	if s, err = b.measure(ctx, w, j); err != nil {
		return s, fmt.Errorf("%s: %w", what, err)
	}
	if err := b.check(ctx, w, j, in.facts); err != nil {
		return s, fmt.Errorf("%s: wrong result: %w", what, err)
	}
	b.say("%-45s %6.2f CPU s/M %5.0f MiB %8.0f records/s %6.2f allocs", what, s.CPU, s.PeakMiB, s.Throughput, s.Allocs)
	return s, nil
}

// measure starts the worker, waits until the work is done and stops it.
func (b *bench) measure(ctx context.Context, w workload, j job) (Sample, error) {
	c, err := startChild(ctx, j)
	if err != nil {
		return Sample{}, err
	}
	begin, err := c.await(ctx, runningReport, nil)
	if err != nil {
		return Sample{}, err
	}
	working, cancel := c.during(ctx)
	defer cancel()
	for _, p := range j.awaited(w) {
		if err := b.awaitPosition(working, p); err != nil {
			return Sample{}, c.failure(err)
		}
	}
	end, err := c.finish(ctx, nil)
	if err != nil {
		return Sample{}, err
	}
	var scraped report
	if j.Scraped {
		if scraped, err = c.await(ctx, scrapedReport, nil); err != nil {
			return Sample{}, err
		}
	}
	whole, err := c.wait(ctx)
	if err != nil {
		return Sample{}, err
	}
	s := newSample(begin, end, whole, j.Records)
	s.Scrape = scraped.Scrape.Seconds()
	return s, nil
}

func newSample(begin, end report, whole time.Duration, records int) Sample {
	n := float64(records)
	return Sample{
		CPU: (end.CPU - begin.CPU).Seconds() / n * 1e6, WholeCPU: whole.Seconds() / n * 1e6,
		PeakMiB:    float64(end.PeakRSS) / (1 << 20),
		Throughput: n / end.LastRead.Sub(begin.At).Seconds(),
		Seconds:    end.At.Sub(begin.At).Seconds(),
		Allocs:     float64(end.Allocs-begin.Allocs) / n,
	}
}
