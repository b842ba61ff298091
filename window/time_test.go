package window_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tidemill/tidemill/window"
)

const ms = time.Millisecond

func TestFirst(t *testing.T) {
	for _, c := range []struct {
		name string
		w    window.Time
		ts   int64
		want []int64 // the starts of all windows
	}{
		{"the first millisecond is in the first window", window.Tumbling(10 * ms), 0, []int64{0}},
		{"the end of a window is not in it", window.Tumbling(10 * ms), 10, []int64{10}},
		{"the last millisecond of a window is in it", window.Tumbling(10 * ms), 19, []int64{10}},
		{"hopping windows overlap", window.Hopping(10*ms, 5*ms), 27, []int64{20, 25}},
		{"there are no windows before time began", window.Hopping(10*ms, 2*ms), 3, []int64{0, 2}},
		{"an advance that does not divide the size gives now more windows", window.Hopping(10*ms, 4*ms), 13, []int64{4, 8, 12}},
		{"and now fewer", window.Hopping(10*ms, 4*ms), 14, []int64{8, 12}},
		{"a size of one advance and a bit", window.Hopping(5*ms, 3*ms), 7, []int64{3, 6}},
		{"every millisecond has a window of its own", window.Tumbling(ms), 123, []int64{123}},
		{"the end of time has its window", window.Tumbling(10 * ms), math.MaxInt64, []int64{math.MaxInt64 - 7}},
		{"so it has with windows that overlap", window.Hopping(4*ms, 2*ms), math.MaxInt64, []int64{math.MaxInt64 - 3, math.MaxInt64 - 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []int64
			for start := c.w.First(c.ts); start >= 0 && start <= c.ts; start += c.w.Advance() {
				got = append(got, start)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("the windows of %d start at %v, want %v", c.ts, got, c.want)
			}
		})
	}
}

func TestCloseTime(t *testing.T) {
	for _, c := range []struct {
		name             string
		w                window.Time
		start, end, want int64
	}{
		{"without grace a window closes at its end", window.Tumbling(10 * ms), 20, 30, 30},
		{"grace comes on top", window.Tumbling(10 * ms).Grace(5 * ms), 20, 30, 35},
		{"a window beyond the end of time ends with it", window.Tumbling(10 * ms), math.MaxInt64 - 7, math.MaxInt64, math.MaxInt64},
		{"so does its grace", window.Tumbling(10 * ms).Grace(time.Hour), math.MaxInt64 - 20, math.MaxInt64 - 10, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.w.CloseTime(c.start); got != c.want {
				t.Errorf("CloseTime(%d) = %d, want %d", c.start, got, c.want)
			}
			if got := c.w.End(c.start); got != c.end {
				t.Errorf("End(%d) = %d, want %d", c.start, got, c.end)
			}
		})
	}
}

func TestLastClosed(t *testing.T) {
	for _, c := range []struct {
		name         string
		w            window.Time
		streamTime   int64
		want         int64
		nextClosesAt int64
	}{
		{"before the first record nothing is closed", window.Tumbling(10 * ms), -1, -1, 10},
		{"just before the first window ends", window.Tumbling(10 * ms), 9, -1, 10},
		{"when the first window ends", window.Tumbling(10 * ms), 10, 0, 20},
		{"grace keeps windows open", window.Tumbling(10 * ms).Grace(5 * ms), 24, 0, 25},
		{"until it has passed", window.Tumbling(10 * ms).Grace(5 * ms), 25, 10, 35},
		{"hopping windows close one by one", window.Hopping(10*ms, 4*ms), 17, 4, 18},
		{"at the end of time", window.Tumbling(10 * ms), math.MaxInt64, math.MaxInt64 - 17, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.w.LastClosed(c.streamTime)
			if got != c.want {
				t.Errorf("LastClosed(%d) = %d, want %d", c.streamTime, got, c.want)
			}
			if got >= 0 && c.w.CloseTime(got) > c.streamTime {
				t.Errorf("the window at %d closes at %d only", got, c.w.CloseTime(got))
			}
			if next := c.w.CloseTime(max(got+c.w.Advance(), 0) / c.w.Advance() * c.w.Advance()); next != c.nextClosesAt {
				t.Errorf("the next window closes at %d, want %d", next, c.nextClosesAt)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		name string
		w    window.Time
		want string
	}{
		{"usual windows have none", window.Hopping(time.Minute, time.Second).Grace(time.Hour), ""},
		{"the longest windows have none", window.Tumbling(longest.Truncate(ms)), ""},
		{"no size", window.Tumbling(0), "window: the size of a tumbling window must be at least 1 ms, got 0s"},
		{"a size below a millisecond", window.Tumbling(time.Microsecond), "window: the size of a tumbling window must be at least 1 ms, got 1µs"},
		{"a negative size", window.Tumbling(-time.Second), "window: the size of a tumbling window must be at least 1 ms, got -1s"},
		{"a size between milliseconds", window.Tumbling(1500 * time.Microsecond), "window: the size of a tumbling window must be whole milliseconds, got 1.5ms"},
		{"no advance", window.Hopping(time.Minute, 0), "window: the advance of a hopping window must be at least 1 ms, got 0s"},
		{"an advance between milliseconds", window.Hopping(time.Minute, 1500*time.Microsecond), "window: the advance of a hopping window must be whole milliseconds, got 1.5ms"},
		{"gaps between windows", window.Hopping(time.Second, time.Minute), "window: the advance of a hopping window must not exceed its size 1s, got 1m0s: records between two windows would be lost"},
		{"a negative grace", window.Tumbling(time.Second).Grace(-1), "window: the grace must not be negative, got -1ns"},
		{"a grace between milliseconds", window.Tumbling(time.Second).Grace(1), "window: the grace must be whole milliseconds, got 1ns"},
		{"more than a duration can hold", window.Tumbling(time.Second).Grace(longest.Truncate(ms)), "window: the size and the grace must not exceed 2562047h47m16.854s together"},
		{"the first fault stays", window.Tumbling(0).Grace(-1), "window: the size of a tumbling window must be at least 1 ms, got 0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if err := c.w.Err(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("Err = %q, want %q", got, c.want)
			}
		})
	}
}

func TestKey(t *testing.T) {
	k := window.Key[string]{Key: "k", Start: 1500, End: 2500}
	if got := k.String(); got != "[k@1500/2500]" {
		t.Errorf("String = %q", got)
	}
	if k.StartTime().UnixMilli() != 1500 || k.EndTime().UnixMilli() != 2500 || k.StartTime().Location() != time.UTC {
		t.Errorf("the bounds are %v and %v, want 1500 and 2500 ms in UTC", k.StartTime(), k.EndTime())
	}
}

func ExampleHopping() {
	w := window.Hopping(time.Minute, 30*time.Second).Grace(10 * time.Second)
	ts := (100 * time.Second).Milliseconds()
	for start := w.First(ts); start <= ts; start += w.Advance() {
		fmt.Printf("[%d s, %d s) closes at %d s\n", start/1000, w.End(start)/1000, w.CloseTime(start)/1000)
	}
	// Output:
	// [60 s, 120 s) closes at 130 s
	// [90 s, 150 s) closes at 160 s
}
