// Threatwatch watches a stream of threat events: it passes urgent ones on,
// enriched, counts all of them by type and minute, and raises an alert where a
// count is high.
//
//	go run ./examples/threatwatch                  # until Ctrl-C
//	go run ./examples/threatwatch --events 100000  # ends with a summary
//
// The program holds all parts: a generator of events, the topology, and a watcher
// that shows what comes out. It starts a broker of its own, or uses the cluster
// that KAFKA_BROKERS names. With --events it reads everything back at the end,
// compares it with a recomputation and exits with 1 if they differ.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/examples/stage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C, if it is meant as one, does not wait for a clean end.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "threatwatch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	addrs, stop, err := embedded.Brokers(ctx, o.broker()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	c, err := connect(ctx, addrs)
	if err != nil {
		return err
	}
	defer c.close()

	start, begun := c.start(time.Now(), o.ago()), time.Now()
	f := newFeed(c, o, start)
	w := newWatch(out, start, &f.written)
	err = play(ctx, o, c, f, w)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		fmt.Fprintf(out, "stopped: %d events in; %d of high priority, %d windows and %d alerts out\n",
			f.written.Load(), w.high, w.closed.Load(), w.alerts)
		return nil
	}
	if err != nil {
		return err
	}
	got, err := c.results(ctx, start)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d events from %s to %s, in %.1f s\n\n", f.written.Load(),
		start.Format(time.TimeOnly), f.latest.Format(time.TimeOnly), time.Since(begun).Seconds())
	return summarize(out, f.want.results(o.threshold), got)
}

// play runs the topology, the feed and the watch until the feed has ended and its
// results are there, or until ctx ends.
func play(ctx context.Context, o options, c *cluster, f *feed, w *watch) error {
	results, err := c.reader(highTopic, countsTopic, alertsTopic)
	if err != nil {
		return err
	}
	defer results.Close()
	topology := func(ctx context.Context) error {
		return tidemill.Run(ctx, build(o.threshold, time.Now), o.worker(c.addrs)...)
	}
	watch := func(ctx context.Context) error { return w.run(ctx, results) }
	return stage.Beside(ctx, topology, func(ctx context.Context) error {
		return stage.Beside(ctx, watch, func(ctx context.Context) error {
			if err := f.run(ctx); err != nil {
				return err
			}
			want := int64(len(f.want.counts))
			err := until(ctx, "windows to close", func() (bool, error) { return w.closed.Load() >= want, nil })
			if errors.Is(err, errInVain) {
				return nil // the summary shows what is missing
			}
			return err
		})
	})
}
