// Operate looks into an application while it runs: it asks a store for the counts right
// behind the records that it wrote, the health checks for their verdict, and Prometheus'
// registry for a metric. With an address as its argument, such as 9090, it keeps running
// and serves the dashboard there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/metrics"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/topology"
)

func build() *topology.Builder {
	b := topology.New("operate")
	b.Stream[string, string]("visits").
		GroupByKey().
		Count(topology.StoreName("visits-by-user")).
		ToStream().
		To("visits-by-user")
	return b
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	admin := "0" // any port
	if len(os.Args) > 1 {
		admin = os.Args[1]
	}
	if err := run(ctx, os.Stdout, admin, len(os.Args) > 1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, admin string, stay bool) (err error) {
	s, err := stage.Open("visits", "visits-by-user")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	app, err := tidemill.New(build(),
		tidemill.Brokers(s.Addrs()...), tidemill.InMemory(), tidemill.Admin(admin),
		tidemill.Health(health.Lag(1000)), tidemill.Logger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))),
	)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(app))

	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx) }()
	err = look(ctx, out, s, app, registry)
	if stay && err == nil {
		fmt.Fprintf(out, "the dashboard is at http://127.0.0.1:%s; interrupt to end\n", admin)
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, <-done)
}

func look(ctx context.Context, out io.Writer, s *stage.Stage, app *tidemill.App, registry *prometheus.Registry) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := s.Write(ctx, "visits", stage.Event(0, "ann", "/"), stage.Event(1, "bob", "/docs"), stage.Event(2, "ann", "/docs")); err != nil {
		return err
	}
	if err := ready(ctx, app); err != nil {
		return err
	}
	visits, err := query.OpenTable[string, int64](app, "visits-by-user")
	if err != nil {
		return err
	}
	// After has the query wait until these three records are in the count.
	n, _, err := visits.Get(ctx, "ann", query.After("visits", 0, 3))
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "visits of ann:", n)

	report := app.Health()
	fmt.Fprintln(out, "health:", report.Verdict, report.Reasons())

	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == "tidemill_task_processed_records_total" {
			fmt.Fprintln(out, f.GetName(), f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return err
}

// ready returns when the worker has its tasks.
func ready(ctx context.Context, app *tidemill.App) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !app.Health().Ready {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New(app.Health().NotReady)
		}
	}
	return nil
}
