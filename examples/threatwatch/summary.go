package main

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// results are what a run reads from and writes to its topics, as lines of text
// and how often each is there.
type results struct{ events, high, windows, alerts lines }

type lines map[string]int

func (l lines) total() (n int) {
	for _, times := range l {
		n += times
	}
	return n
}

// lacks counts what is more often in l than in other.
func (l lines) lacks(other lines) (n int) {
	for line, times := range l {
		n += max(0, times-other[line])
	}
	return n
}

func highLine(h HighPriority) string {
	return fmt.Sprintf("%s %s known=%t", h.ID, h.Severity, h.KnownBad)
}

func countLine(kind string, start time.Time, n int64) string {
	return fmt.Sprintf("%s %s %d", start.UTC().Format(time.RFC3339), kind, n)
}

// expectation recomputes, from the generated events, what has to come out.
type expectation struct {
	events, high lines
	counts       map[minute]int64
}

type minute struct {
	kind  string
	start time.Time
}

func newExpectation() *expectation {
	return &expectation{events: lines{}, high: lines{}, counts: map[minute]int64{}}
}

func (e *expectation) add(t Threat) {
	e.events[t.ID]++
	if t.Priority >= highPriority {
		e.high[highLine(enrich(t, time.Time{}))]++
	}
	e.counts[minute{t.Type, t.At.Truncate(time.Minute)}]++
}

func (e *expectation) results(threshold int64) results {
	out := results{events: e.events, high: e.high, windows: lines{}, alerts: lines{}}
	for m, n := range e.counts {
		line := countLine(m.kind, m.start, n)
		out.windows[line]++
		if n > threshold {
			out.alerts[line]++
		}
	}
	return out
}

// results reads the topics back. What lies before start in event time is of
// earlier runs, and heartbeats are no events.
func (c *cluster) results(ctx context.Context, start time.Time) (results, error) {
	out := results{lines{}, lines{}, lines{}, lines{}}
	return out, errors.Join(
		readLines(ctx, c, rawTopic, start, out.events, func(t Threat) string {
			if strings.HasPrefix(t.Type, heartbeat) {
				return ""
			}
			return t.ID
		}),
		readLines(ctx, c, highTopic, start, out.high, highLine),
		readLines(ctx, c, countsTopic, start, out.windows, func(n Count) string { return countLine(n.Type, n.Start, n.Events) }),
		readLines(ctx, c, alertsTopic, start, out.alerts, func(a Alert) string { return countLine(a.Type, a.Start, a.Events) }),
	)
}

// readLines makes a line of each record of a topic. An empty one is left out.
func readLines[V any](ctx context.Context, c *cluster, topic string, start time.Time, into lines, line func(V) string) error {
	return c.readBack(ctx, topic, func(r *kgo.Record) error {
		if r.Timestamp.Before(start) {
			return nil
		}
		var value V
		if err := json.Unmarshal(r.Value, &value); err != nil {
			return fmt.Errorf("partition %d, offset %d: %w", r.Partition, r.Offset, err)
		}
		if text := line(value); text != "" {
			into[text]++
		}
		return nil
	})
}

var errDiffers = errors.New("the results differ from a recomputation")

// summarize compares the results with what they have to be.
func summarize(out io.Writer, want, got results) error {
	fmt.Fprintf(out, "%-34s %9s %9s %9s %9s\n", "", "expected", "got", "missing", "too many")
	exact := true
	for _, row := range []struct {
		name      string
		want, got lines
	}{
		{"events in " + rawTopic, want.events, got.events},
		{"in " + highTopic, want.high, got.high},
		{"closed windows in " + countsTopic, want.windows, got.windows},
		{"in " + alertsTopic, want.alerts, got.alerts},
	} {
		missing, extra := row.want.lacks(row.got), row.got.lacks(row.want)
		exact = exact && missing == 0 && extra == 0
		fmt.Fprintf(out, "%-34s %9d %9d %9d %9d\n", row.name, row.want.total(), row.got.total(), missing, extra)
	}
	if !exact {
		return errDiffers
	}
	fmt.Fprintln(out, "\nNothing is missing, and nothing is there twice.")
	return nil
}
