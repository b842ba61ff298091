package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"
)

// The test binary is the worker too, as the program is.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		if err := work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// The results of every worker are checked by the program itself.
func TestEveryWorkloadHasTheRightResultsOnBothSides(t *testing.T) {
	report := runEmbedded(t, "--records", "5000", "--runs", "1")
	if got, want := len(report.Throughput), 2*len(workloads()); got != want {
		t.Fatalf("%d lines, want %d", got, want)
	}
	for _, l := range report.Throughput {
		for side, samples := range map[string][]Sample{"raw": l.Raw, "tidemill": l.Tidemill} {
			if len(samples) != 1 {
				t.Fatalf("%s, %s: %d samples, want 1", l.Workload, side, len(samples))
			}
			s := samples[0]
			if s.CPU <= 0 || s.WholeCPU <= s.CPU || s.PeakMiB <= 0 || s.Throughput <= 0 || s.Seconds <= 0 || s.Allocs <= 0 {
				t.Errorf("%s, %s, %s: a figure is missing or impossible: %+v", l.Workload, guaranteeName(l.ExactlyOnce), side, s)
			}
		}
	}
}

func TestLatencyIsMeasuredOnBothSides(t *testing.T) {
	report := runEmbedded(t, "--latency", "--rate", "200", "--duration", "1s", "--runs", "1", "--guarantee", "exactly-once")
	if len(report.Latency) != 4 {
		t.Fatalf("%d lines, want 4: two commit intervals, two sides", len(report.Latency))
	}
	for _, l := range report.Latency {
		if one := l.Runs[0]; one.P50 <= 0 || one.P99 < one.P50 || one.Max < one.P99 {
			t.Errorf("commit %v, raw %t: impossible figures %+v", l.Commit, l.Raw, one)
		}
	}
}

func TestRestoreReadsTheWholeChangelog(t *testing.T) {
	const records = 2000
	report := runEmbedded(t, "--restore", "--changelog", fmt.Sprint(records), "--runs", "1", "--guarantee", "at-least-once")
	if len(report.Restore) != 3 {
		t.Fatalf("%d lines, want 3", len(report.Restore))
	}
	for i, want := range []int64{records, 0, records} {
		if l := report.Restore[i]; l.Runs[0].Records != want {
			t.Errorf("%s: %d records, want %d", l.Case, l.Runs[0].Records, want)
		}
	}
}

func TestSagasAreMeasuredBesideTheRawLoop(t *testing.T) {
	report := runEmbedded(t, "--sagas", "200", "--runs", "1")
	if len(report.Sagas) != 1 {
		t.Fatalf("%d runs, want 1", len(report.Sagas))
	}
	if r := report.Sagas[0]; r.PerSecond <= 0 || r.StepCPU <= 0 || r.RawCPU <= 0 || r.Written < 4 || r.PeakMiB <= 0 {
		t.Errorf("a figure is missing or impossible: %+v", r)
	}
}

func TestTheCostOfMetricsIsMeasured(t *testing.T) {
	report := runEmbedded(t, "--metrics", "--records", "5000", "--runs", "1", "--guarantee", "exactly-once")
	if len(report.Metrics) != 1 {
		t.Fatalf("%d lines, want 1", len(report.Metrics))
	}
	quiet, scraped := report.Metrics[0].Quiet[0], report.Metrics[0].Scraped[0]
	if quiet.CPU <= 0 || quiet.Scrape != 0 || scraped.CPU <= 0 || scraped.Scrape <= 0 {
		t.Errorf("a figure is missing or impossible: %+v and %+v", quiet, scraped)
	}
}

func TestTheBridgeIsMeasuredBesideTheRawLoop(t *testing.T) {
	report := runEmbedded(t, "--bridge", miniredis.RunT(t).Addr(), "--records", "3000", "--runs", "1")
	if len(report.Bridge) != 2 {
		t.Fatalf("%d lines, want 2", len(report.Bridge))
	}
	for _, l := range report.Bridge {
		for _, s := range []BridgeSample{l.Raw[0], l.Tidemill[0]} {
			if s.CPU <= 0 || s.Throughput <= 0 || s.Allocs <= 0 {
				t.Errorf("%s: a figure is missing or impossible: %+v", l.Kind, s)
			}
		}
	}
}

// runEmbedded runs the program's measurements on the embedded broker.
func runEmbedded(t *testing.T, args ...string) (r *Report) {
	t.Helper()
	o, err := parse(append(args, "--embedded"), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	kafka, err := startBroker(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{options: o, brokers: kafka.addrs, log: t.Output()}
	err = b.open()
	if err == nil {
		r, err = b.measureAll(t.Context(), kafka.version)
		b.close()
	}
	if err := errors.Join(err, kafka.stop()); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + r.markdown())
	return r
}
