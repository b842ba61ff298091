package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
)

// options are what the flags say.
type options struct {
	events      int
	rate        float64
	seed        uint64
	partitions  int
	threshold   int64
	atLeastOnce bool
	state       string
}

// liveRate is how many events per second there are where the flags do not say.
const liveRate = 50

func parse(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet(application, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&o.events, "events", 0, "end after this many events, with a summary; 0 goes on until Ctrl-C")
	flags.Float64Var(&o.rate, "rate", liveRate, "events per second; 0, and the default with --events, is as fast as possible")
	flags.Uint64Var(&o.seed, "seed", 1, "what the events are made from")
	flags.IntVar(&o.partitions, "partitions", 4, "partitions of topics that do not exist yet")
	flags.Int64Var(&o.threshold, "threshold", 100, "more events than this of a type in a minute raise an alert")
	flags.BoolVar(&o.atLeastOnce, "at-least-once", false, "process at least once instead of exactly once")
	flags.StringVar(&o.state, "state", "", "folder for local state, and for the embedded broker; without it both are in memory")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.events > 0 && !given["rate"] {
		o.rate = 0
	}
	return o, o.validate(flags.Args())
}

// validate returns all faults at once.
func (o options) validate(rest []string) error {
	var faults []error
	if len(rest) > 0 {
		faults = append(faults, fmt.Errorf("%q is no flag", rest[0]))
	}
	for name, negative := range map[string]bool{"events": o.events < 0, "rate": o.rate < 0, "threshold": o.threshold < 0} {
		if negative {
			faults = append(faults, fmt.Errorf("--%s must not be negative", name))
		}
	}
	if o.partitions < 1 {
		faults = append(faults, errors.New("--partitions must be at least 1"))
	}
	return errors.Join(faults...)
}

// broker are the options for the broker, should one be started.
func (o options) broker() []embedded.Option {
	var out []embedded.Option
	for _, topic := range []string{rawTopic, highTopic, countsTopic, alertsTopic} {
		out = append(out, embedded.Topic(topic, int32(o.partitions)))
	}
	if o.state != "" {
		out = append(out, embedded.Folder(filepath.Join(o.state, "broker")))
	}
	return out
}

// worker are the options for running the topology.
func (o options) worker(addrs []string) []tidemill.Option {
	out := []tidemill.Option{tidemill.Brokers(addrs...)}
	if !o.atLeastOnce {
		out = append(out, tidemill.ExactlyOnce())
	}
	if o.state == "" {
		out = append(out, tidemill.InMemory())
	} else {
		out = append(out, tidemill.StateDir(filepath.Join(o.state, "stores")))
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return append(out, tidemill.CommitInterval(100*time.Millisecond), tidemill.Logger(logger))
}

// clock is the clock of the events: simulated if their number is known.
func (o options) clock(start time.Time) clock {
	if o.events > 0 {
		return simulated(start, o.events)
	}
	return live(start, time.Now)
}

// ago is how long before now the events begin. A simulated clock begins so early
// that several runs on one cluster, each behind the last, stay in the past.
func (o options) ago() time.Duration {
	if o.events > 0 {
		return 6 * time.Hour
	}
	return backlog
}
