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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == workerCommand {
		exit(work(context.Background(), os.Stdin, os.Stdout)) // ends when its standard input does
	}
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run starts the broker, measures what was asked for and writes the report.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	kafka, err := startBroker(ctx, o.embedded)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kafka.stop()) }()
	b := &bench{options: o, brokers: kafka.addrs, log: os.Stderr}
	if err := b.open(); err != nil {
		return err
	}
	defer b.close()
	report, err := b.measureAll(ctx, kafka.version)
	if err != nil {
		return err
	}
	fmt.Fprint(out, report.markdown())
	return report.save(o.json)
}

// measureAll measures what was asked for.
func (b *bench) measureAll(ctx context.Context, broker string) (r *Report, err error) {
	r = newReport(broker, b.options)
	switch {
	case b.latency:
		r.Latency, err = b.measureLatency(ctx)
	case b.restore:
		r.Restore, err = b.measureRestore(ctx)
	case b.bridge != "":
		r.Bridge, err = b.measureBridge(ctx)
	case b.metrics:
		r.Metrics, err = b.measureMetrics(ctx)
	case b.sagas > 0:
		r.Sagas, err = b.measureSagas(ctx)
	default:
		r.Throughput, err = b.measureThroughput(ctx)
	}
	return r, err
}
