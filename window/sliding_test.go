package window_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tidemill/tidemill/window"
)

func TestSlidingWindows(t *testing.T) {
	w := window.Sliding(10 * ms).Grace(5 * ms)
	for _, c := range []struct {
		name       string
		ts         int64
		start, end int64 // of the window that ends with it
		early      bool
		from, to   int64 // of the starts of all windows that matter
	}{
		{"a window ends with its record", 25, 15, 25, false, 5, 26},
		{"the first moment that has a window of its own", 10, 0, 10, false, 0, 11},
		{"an early record shares the first window", 9, 0, 10, true, 0, 10},
		{"so does one at the beginning of time", 0, 0, 10, true, 0, 1},
		{"the end of time has no window behind it", math.MaxInt64, math.MaxInt64 - 10, math.MaxInt64, false, math.MaxInt64 - 20, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := w.Start(c.ts)
			from, to := w.Reach(c.ts)
			if start != c.start || w.End(start) != c.end || w.Early(c.ts) != c.early || from != c.from || to != c.to {
				t.Errorf("the window of %d is [%d, %d], early %v, and the others start from %d to %d; want %+v",
					c.ts, start, w.End(start), w.Early(c.ts), from, to, c)
			}
		})
	}
}

func TestSlidingWindowsClose(t *testing.T) {
	for _, c := range []struct {
		name           string
		w              window.SlidingSpec
		streamTime, ts int64
		open           int64
		late           bool
	}{
		{"a window is open at its end", window.Sliding(10 * ms), 25, 15, 25, false},
		{"and closed behind it", window.Sliding(10 * ms), 26, 15, 26, true},
		{"grace keeps it open", window.Sliding(10 * ms).Grace(5 * ms), 30, 15, 25, false},
		{"until it has passed", window.Sliding(10 * ms).Grace(5 * ms), 31, 15, 26, true},
		{"before the first record all are open", window.Sliding(10 * ms), -1, 0, -1, false},
		{"a window that would end beyond the end of time does not close", window.Sliding(10 * ms), math.MaxInt64, math.MaxInt64 - 3, math.MaxInt64, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.w.Open(c.streamTime); got != c.open {
				t.Errorf("Open(%d) = %d, want %d", c.streamTime, got, c.open)
			}
			if got := c.w.Late(c.ts, c.streamTime); got != c.late {
				t.Errorf("Late(%d, %d) = %v, want %v", c.ts, c.streamTime, got, c.late)
			}
		})
	}
}

func TestFaultsOfSlidingWindowsAndSessions(t *testing.T) {
	const longest = 2305843009213 * time.Millisecond
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"usual sliding windows have none", window.Sliding(time.Minute).Grace(time.Hour).Err(), ""},
		{"records of the same moment only", window.Sliding(0).Err(), ""},
		{"the longest sliding windows have none", window.Sliding(longest).Grace(longest).Err(), ""},
		{"a negative difference", window.Sliding(-time.Second).Err(), "window: the difference of a sliding window must not be negative, got -1s"},
		{"a difference between milliseconds", window.Sliding(1).Err(), "window: the difference of a sliding window must be whole milliseconds, got 1ns"},
		{"a difference that does not fit", window.Sliding(longest + ms).Err(), "window: the difference of a sliding window must not exceed 640511h56m49.213s, got 640511h56m49.214s"},
		{"usual sessions have none", window.Session(time.Minute).Grace(time.Hour).Err(), ""},
		{"a negative gap", window.Session(-time.Second).Err(), "window: the gap of a session must not be negative, got -1s"},
		{"a gap between milliseconds", window.Session(1500 * time.Microsecond).Err(), "window: the gap of a session must be whole milliseconds, got 1.5ms"},
		{"a negative grace", window.Session(time.Second).Grace(-time.Second).Err(), "window: the grace must not be negative, got -1s"},
		{"a grace that does not fit", window.Sliding(0).Grace(longest + ms).Err(), "window: the grace must not exceed 640511h56m49.213s, got 640511h56m49.214s"},
		{"the first fault stays", window.Session(-ms).Grace(-ms).Err(), "window: the gap of a session must not be negative, got -1ms"},
		{"of sliding windows too", window.Sliding(-ms).Grace(-ms).Err(), "window: the difference of a sliding window must not be negative, got -1ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if c.err != nil {
				got = c.err.Error()
			}
			if got != c.want {
				t.Errorf("Err = %q, want %q", got, c.want)
			}
		})
	}
}

func TestBothKindsOfFixedWindowsAreOne(t *testing.T) {
	for _, w := range []window.Fixed{window.Tumbling(time.Second), window.Sliding(time.Second)} {
		if err := w.Err(); err != nil {
			t.Error(err)
		}
	}
}

func ExampleSliding() {
	w := window.Sliding(5 * time.Second)
	ts := (20 * time.Second).Milliseconds()
	start := w.Start(ts)
	fmt.Printf("[%d s, %d s] ends with the record\n", start/1000, w.End(start)/1000)
	fmt.Printf("[%d ms, %d ms] is the first one without it\n", ts+1, w.End(ts+1))
	// Output:
	// [15 s, 20 s] ends with the record
	// [20001 ms, 25001 ms] is the first one without it
}
