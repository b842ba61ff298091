package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	records   int
	runs      int
	workloads []workload
	// exactlyOnce are the guarantees to measure: false is at least once.
	exactlyOnce []bool
	embedded    bool
	latency     bool
	restore     bool
	rate        int
	duration    time.Duration
	changelog   int
	// sagas is how many to measure instead; 0 is none.
	sagas int
	// bridge is the address of a Redis to measure the bridge with instead; "" is none.
	bridge string
	// metrics asks for the cost of metrics instead.
	metrics bool
	profile string
	json    string
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var only, guarantee string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(usage)
	f.IntVar(&o.records, "records", 1_000_000, "input `records` of each run")
	f.IntVar(&o.runs, "runs", 3, "how often each side is measured; the table shows medians")
	f.StringVar(&only, "only", "", "`names` of workloads to measure, separated by commas: "+strings.Join(workloadNames(), ", "))
	f.StringVar(&guarantee, "guarantee", "both", "at-least-once, exactly-once or both")
	f.BoolVar(&o.embedded, "embedded", false, "use the embedded broker: a quick look only")
	f.BoolVar(&o.latency, "latency", false, "measure end-to-end latency instead")
	f.BoolVar(&o.restore, "restore", false, "measure restore and start instead")
	f.IntVar(&o.rate, "rate", 5_000, "with --latency: records a second")
	f.DurationVar(&o.duration, "duration", 20*time.Second, "with --latency: how long")
	f.IntVar(&o.changelog, "changelog", 2_000_000, "with --restore: changelog `records`, of half as many keys")
	f.IntVar(&o.sagas, "sagas", 0, "measure this many `sagas` of two command steps instead")
	f.StringVar(&o.bridge, "bridge", "", "measure the bridge to the Redis at this `address` instead")
	f.BoolVar(&o.metrics, "metrics", false, "measure what collecting metrics costs the count instead")
	f.StringVar(&o.profile, "profile", "", "write CPU and heap profiles of the workers to this `folder`")
	f.StringVar(&o.json, "json", "", "write all samples as JSON to this `file`")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.workloads, err = chosen(only); err != nil {
		return o, err
	}
	switch guarantee {
	case "both":
		o.exactlyOnce = []bool{false, true}
	case "at-least-once":
		o.exactlyOnce = []bool{false}
	case "exactly-once":
		o.exactlyOnce = []bool{true}
	default:
		return o, fmt.Errorf("--guarantee %q: give at-least-once, exactly-once or both", guarantee)
	}
	return o, o.validate(f.Args())
}

func (o options) validate(rest []string) error {
	var faults []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(len(rest) > 0, "unexpected arguments %q: see --help", rest)
	check(o.records < 100, "--records %d: give at least 100", o.records)
	check(o.runs < 1, "--runs %d: give at least 1", o.runs)
	check(o.rate < 1, "--rate %d: give at least 1", o.rate)
	check(o.duration < time.Second, "--duration %v: give at least 1s", o.duration)
	check(o.changelog < 100, "--changelog %d: give at least 100", o.changelog)
	check(o.latency && o.restore, "--latency and --restore are measured one at a time")
	check(o.sagas < 0, "--sagas %d: give at least 1", o.sagas)
	check(o.sagas > 0 && (o.latency || o.restore), "--sagas and --latency or --restore are measured one at a time")
	check(o.metrics && (o.latency || o.restore || o.sagas > 0 || o.bridge != ""), "--metrics is measured alone")
	check(o.bridge != "" && (o.latency || o.restore || o.sagas > 0), "--bridge is measured alone")
	return errors.Join(faults...)
}

// chosen returns the workloads with these names, or all of them.
func chosen(names string) ([]workload, error) {
	if names == "" {
		return workloads(), nil
	}
	var out []workload
	for name := range strings.SplitSeq(names, ",") {
		w, ok := workloadNamed(strings.TrimSpace(name))
		if !ok || w.keys == 0 {
			return nil, fmt.Errorf("--only: no workload %q: there are %s", name, strings.Join(workloadNames(), ", "))
		}
		out = append(out, w)
	}
	return out, nil
}

// guaranteeName is how a guarantee is written.
func guaranteeName(exactlyOnce bool) string {
	if exactlyOnce {
		return "exactly once"
	}
	return "at least once"
}
