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
				b.scraped = side == run%2 // who begins changes with each run
				s, err := b.sample(ctx, w, false, line.ExactlyOnce)
				if err != nil {
					return nil, err
				}
				if b.scraped {
					line.Scraped = append(line.Scraped, s)
				} else {
					line.Quiet = append(line.Quiet, s)
				}
			}
		}
	}
	return lines, nil
}

// scrape collects an application's metrics as Prometheus would, in its text format,
// until ctx ends.
func scrape(ctx context.Context, app *tidemill.App, m *meter) error {
	registry := prometheus.NewRegistry()
	if err := registry.Register(metrics.New(app)); err != nil {
		return err
	}
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for {
		begin := time.Now()
		families, err := registry.Gather()
		text := expfmt.NewEncoder(io.Discard, expfmt.NewFormat(expfmt.TypeTextPlain))
		for _, family := range families {
			err = errors.Join(err, text.Encode(family))
		}
		if err != nil {
			return err
		}
		m.scraped(time.Since(begin))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func metricsTable(lines []*MetricsLine, runs int) table {
	t := table{
		caption: fmt.Sprintf("CPU seconds per million records of the count, with its metrics scraped every %v or not at all (medians of %d runs):", scrapeInterval, runs),
		head:    []string{"guarantee", "nobody asks", "scraped", "ratio", "a scrape takes", "of the CPU"},
		notes:   []string{"Counting goes on in both. Runs differ by some percent, so the last column says more than the ratio: the time of all scrapes in the worker's CPU time."},
	}
	for _, l := range lines {
		quiet, scraped := median(l.Quiet, cpuOf), median(l.Scraped, cpuOf)
		t.rows = append(t.rows, []string{
			guaranteeName(l.ExactlyOnce), fmt.Sprintf("%.3f", quiet), fmt.Sprintf("%.3f", scraped), fmt.Sprintf("%.3f", scraped/quiet),
			fmt.Sprintf("%.2f ms", median(l.Scraped, func(s Sample) float64 { return s.Scrape * 1e3 })),
			fmt.Sprintf("%.2f %%", median(l.Scraped, func(s Sample) float64 { return s.Scraping * 100 })),
		})
	}
	return t
}
