package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
)

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

func made(seed uint64, n int) []Threat {
	g, at := newGenerator(seed, noon), simulated(noon, n)
	var out []Threat
	for i := range n {
		out = append(out, g.next(at(i)))
	}
	return out
}

func TestTheSameSeedMakesTheSameEvents(t *testing.T) {
	if !slices.Equal(made(1, 100), made(1, 100)) {
		t.Error("two generators with one seed differ")
	}
	if slices.Equal(made(1, 100), made(2, 100)) {
		t.Error("two generators with different seeds agree")
	}
}

func TestEventsAreDisorderedButNotByMoreThanAllowed(t *testing.T) {
	ids, kinds, disordered := map[string]bool{}, map[string]int{}, 0
	var latest time.Time
	for _, e := range made(3, 5000) {
		if behind := latest.Sub(e.At); behind > disorder {
			t.Fatalf("%s lies %v behind an earlier event, allowed are %v", e.ID, behind, disorder)
		} else if behind > 0 {
			disordered++
		}
		if e.At.After(latest) {
			latest = e.At
		}
		if e.Priority < 1 || e.Priority > 10 {
			t.Fatalf("%s has priority %d, want 1 to 10", e.ID, e.Priority)
		}
		ids[e.ID] = true
		kinds[e.Type]++
	}
	if len(ids) != 5000 {
		t.Errorf("5000 events have %d different ids", len(ids))
	}
	if disordered < 1000 {
		t.Errorf("only %d of 5000 events are out of order", disordered)
	}
	if kinds["phishing"] < 1800 || kinds["zero-day"] == 0 {
		t.Errorf("the types are not as frequent as they should be: %v", kinds)
	}
}

func TestHeartbeatsReachEveryPartitionOnce(t *testing.T) {
	for _, n := range []int32{1, 2, 4, 7, 64} {
		reached := map[int32]int{}
		for _, h := range heartbeats(n, noon) {
			if !strings.HasPrefix(h.Type, heartbeat) || !h.At.Equal(noon) {
				t.Fatalf("%+v is no heartbeat of noon", h)
			}
			reached[record.PartitionOf([]byte(h.Type), n)]++
		}
		for p := range n {
			if reached[p] != 1 {
				t.Errorf("%d partitions: partition %d gets %d heartbeats, want 1", n, p, reached[p])
			}
		}
	}
}

func TestSimulatedTimeSpansSeveralMinutes(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 0, 2000: 4 * time.Minute, 7000: 7 * time.Minute, 1e6: 10 * time.Minute} {
		at := simulated(noon, n)
		got := at(n - 1).Sub(noon)
		if got > want || want-got > time.Second {
			t.Errorf("%d events span %v, want about %v", n, got, want)
		}
	}
}

func TestTheLiveClockCatchesUpAndThenFollows(t *testing.T) {
	now := noon
	at := live(noon.Add(-backlog), func() time.Time { return now })
	for _, row := range []struct{ after, behind time.Duration }{
		{0, 10 * time.Minute}, {30 * time.Second, 5*time.Minute + 30*time.Second}, {2 * time.Minute, 0}, {time.Hour, 0},
	} {
		now = noon.Add(row.after)
		if got := now.Sub(at(0)); got != row.behind {
			t.Errorf("after %v the clock is %v behind, want %v", row.after, got, row.behind)
		}
	}
	now = noon
	ahead := live(noon.Add(time.Minute), func() time.Time { return now })
	if got := ahead(0); !got.Equal(noon.Add(time.Minute)) {
		t.Errorf("a clock that starts in the future says %v, want its start", got)
	}
}
