package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/metrics"
)

// scrapeInterval is fifteen times shorter than what is usual, so that a cost shows.
const scrapeInterval = time.Second

// MetricsLine is the count workload in one guarantee, with and without somebody who
// collects its metrics.
type MetricsLine struct {
	ExactlyOnce    bool
	Quiet, Scraped []Sample
}

// measureMetrics runs the count workload in turn with nobody who asks and with a
// scrape every second.
func (b *bench) measureMetrics(ctx context.Context) (lines []*MetricsLine, err error) {
	w, _ := workloadNamed("count")
	if err := b.fill(ctx, w); err != nil {
		return nil, err
	}
	for _, exactlyOnce := range b.exactlyOnce {
		lines = append(lines, &MetricsLine{ExactlyOnce: exactlyOnce})
	}
	for run := range b.runs {
		for _, line := range lines {
			for side := range 2 {
				j := b.newJob(w, false, line.ExactlyOnce)
				j.Scraped = side == run%2 // who begins changes with each run
				s, err := b.sample(ctx, w, j)
				if err != nil {
					return nil, err
				}
				if j.Scraped {
					line.Scraped = append(line.Scraped, s)
				} else {
					line.Quiet = append(line.Quiet, s)
				}
			}
		}
	}
	return lines, nil
}

// scraper collects an application's metrics as Prometheus would, in its text format.
func scraper(app *tidemill.App) (scrape func() error, err error) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(metrics.New(app)); err != nil {
		return nil, err
	}
	return func() error {
		families, err := registry.Gather()
		text := expfmt.NewEncoder(io.Discard, expfmt.NewFormat(expfmt.TypeTextPlain))
		for _, family := range families {
			err = errors.Join(err, text.Encode(family))
		}
		return err
	}, nil
}

// repeat scrapes every second until ctx ends.
func repeat(ctx context.Context, scrape func() error) error {
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := scrape(); err != nil {
			return err
		}
	}
}

// costOf is the CPU time of one scrape while there is nothing else to do, what the tasks
// do for it included.
func costOf(scrape func() error) (time.Duration, error) {
	const times = 200
	begin, err := measureProcess()
	for range times {
		err = errors.Join(err, scrape())
	}
	end, failed := measureProcess()
	return (end.CPU - begin.CPU) / times, errors.Join(err, failed)
}

func metricsTable(lines []*MetricsLine, runs int) table {
	t := table{
		caption: fmt.Sprintf("CPU seconds per million records of the count, with its metrics scraped every %v or not at all (medians of %d runs):", scrapeInterval, runs),
		head:    []string{"guarantee", "nobody asks", "scraped", "ratio", "CPU of a scrape", "of the worker's"},
		notes: []string{
			"Counting goes on in both. The ratio is as exact as two runs are alike; the last columns are a scrape's CPU time, taken over 200 of them,",
			"and the part that one a second has in what the worker uses at full speed.",
		},
	}
	for _, l := range lines {
		quiet, scraped := median(l.Quiet, cpuOf), median(l.Scraped, cpuOf)
		t.rows = append(t.rows, []string{
			guaranteeName(l.ExactlyOnce), fmt.Sprintf("%.3f", quiet), fmt.Sprintf("%.3f", scraped), fmt.Sprintf("%.3f", scraped/quiet),
			fmt.Sprintf("%.3f ms", median(l.Scraped, func(s Sample) float64 { return s.Scrape * 1e3 })),
			fmt.Sprintf("%.3f %%", median(l.Scraped, func(s Sample) float64 { return s.Scrape * 1e8 / (s.CPU * s.Throughput) })),
		})
	}
	return t
}
