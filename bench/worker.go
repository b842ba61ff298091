package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/bench/raw"
	"github.com/tidemill/tidemill/topology"
)

// workerCommand is the argument that makes this program a worker.
const workerCommand = "worker"

// work is the life of a worker process. It reads a job from its standard input,
// tells when it has its partitions, works until it is sent another line or its
// input ends, tells what it has used, and stops.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lines := bufio.NewReader(in)
	var j job
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("no job: %w", err)
	}
	if err := json.Unmarshal(line, &j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	m := newMeter(j, out)
	ended := make(chan error, 1)
	go func() { ended <- perform(ctx, j, m) }()
	asked := make(chan error, 1)
	go func() {
		_, err := lines.ReadBytes('\n')
		asked <- err
	}()
	select {
	case err := <-ended: // by itself
		return errors.Join(err, m.finish())
	case err := <-asked:
		if err == nil {
			err = m.finish()
		}
		cancel()
		return errors.Join(err, <-ended)
	}
}

// perform does the job until ctx ends.
func perform(ctx context.Context, j job, m *meter) error {
	w, ok := workloadNamed(j.Workload)
	if !ok {
		return fmt.Errorf("no workload %q", j.Workload)
	}
	if j.Raw {
		return w.raw(ctx, raw.Config{
			Brokers: j.Brokers, Group: j.App, Input: j.Input, Output: j.Output, Table: j.Table, Redis: j.Redis,
			Repartition: j.repartitionTopic(), Records: j.Records, Rows: j.Rows, ExactlyOnce: j.ExactlyOnce, Commit: j.Commit,
			Started: m.start, Client: []kgo.Opt{kgo.WithHooks(m)},
		})
	}
	b := topology.New(j.App)
	w.build(b, j)
	options := []tidemill.Option{
		tidemill.Brokers(j.Brokers...), tidemill.StateDir(j.StateDir), tidemill.Observe(m.observe),
		tidemill.ClientOptions(kgo.WithHooks(m)),
		tidemill.Logger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))),
	}
	if j.ExactlyOnce {
		options = append(options, tidemill.ExactlyOnce())
	}
	app, err := tidemill.New(b, append(options, tidemill.CommitInterval(j.Commit))...)
	if err != nil {
		return err
	}
	if !j.Scraped {
		return app.Run(ctx)
	}
	if m.scrape, err = scraper(app); err != nil {
		return err
	}
	scraping, cancel := context.WithCancel(ctx)
	scraped := make(chan error, 1)
	go func() { scraped <- repeat(scraping, m.scrape) }()
	err = app.Run(ctx)
	cancel()
	return errors.Join(err, <-scraped)
}
