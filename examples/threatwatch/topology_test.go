package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/record"
)

func threat(second int, kind, source string, priority int) record.Record[string, Threat] {
	r := stage.Event(second, "host", Threat{Type: kind, Target: "host", Priority: priority, Source: source})
	r.Value.ID, r.Value.At = fmt.Sprintf("%s-%d", kind, second), r.Time()
	return r
}

func TestTheTopologyEnrichesCountsAndAlerts(t *testing.T) {
	s, err := stage.Open(rawTopic, highTopic, countsTopic, alertsTopic)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	events := []record.Record[string, Threat]{
		threat(1, "ddos", "203.0.113.7", 9),
		threat(2, "malware", "192.0.2.1", 7),
		threat(62, "ddos", "192.0.2.1", 8),
		threat(50, "ddos", "192.0.2.1", 10), // late, and in time
		threat(58, "ddos", "192.0.2.1", 1),
		threat(80, heartbeat+"0", "192.0.2.1", 1), // closes 12:00
		threat(59, "ddos", "192.0.2.1", 1),        // too late
		threat(140, heartbeat+"0", "192.0.2.1", 1),
	}
	if err := s.Write(t.Context(), rawTopic, events...); err != nil {
		t.Fatal(err)
	}
	received := time.Date(2026, time.January, 2, 0, 0, 0, 0, time.UTC)
	var high, counts, alerts []string
	err = s.Run(t.Context(), build(2, func() time.Time { return received }), func(ctx context.Context) error {
		for _, err := range []error{
			read(ctx, s, highTopic, 3, &high, func(h HighPriority) string {
				return fmt.Sprintf("%s %s %t %s", h.ID, h.Severity, h.KnownBad, h.ReceivedAt.Format(time.DateOnly))
			}),
			read(ctx, s, countsTopic, 3, &counts, func(c Count) string {
				return fmt.Sprintf("%s-%s %s %d", c.Start.Format("15:04"), c.End.Format("15:04"), c.Type, c.Events)
			}),
			read(ctx, s, alertsTopic, 1, &alerts, func(a Alert) string {
				return fmt.Sprintf("%s %s %d > %d", a.Start.Format("15:04"), a.Type, a.Events, a.Threshold)
			}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, highTopic, high, "ddos-1 critical true 2026-01-02", "ddos-62 high false 2026-01-02", "ddos-50 critical false 2026-01-02")
	check(t, countsTopic, counts, "12:00-12:01 ddos 3", "12:00-12:01 malware 1", "12:01-12:02 ddos 1")
	check(t, alertsTopic, alerts, "12:00 ddos 3 > 2")
}

func read[V any](ctx context.Context, s *stage.Stage, topic string, n int, into *[]string, line func(V) string) error {
	records, err := s.Read[string, V](ctx, topic, n)
	for _, r := range records {
		*into = append(*into, line(r.Value))
	}
	return err
}

func check(t *testing.T, topic string, got []string, want ...string) {
	t.Helper()
	if have, need := strings.Join(got, "\n"), strings.Join(want, "\n"); have != need {
		t.Errorf("%s: got\n%s\nwant\n%s", topic, have, need)
	}
}
