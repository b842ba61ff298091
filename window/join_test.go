package window_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tidemill/tidemill/window"
)

func TestJoinRange(t *testing.T) {
	const end = math.MaxInt64
	for _, c := range []struct {
		name                     string
		w                        window.Join
		ts, from, to             int64
		mirroredFrom, mirroredTo int64
	}{
		{"both ends are in", window.Within(5 * ms), 10, 5, 15, 5, 15},
		{"only equal timestamps", window.Within(0), 10, 10, 10, 10, 10},
		{"only what comes later", window.Within(0).After(4 * ms), 10, 10, 14, 6, 10},
		{"only what came earlier", window.Within(0).Before(4 * ms), 10, 6, 10, 10, 14},
		{"some time later", window.Within(5 * ms).Before(-2 * ms), 10, 12, 15, 5, 8},
		{"some time earlier", window.Within(5 * ms).After(-2 * ms), 10, 5, 8, 12, 15},
		{"nothing is before time began", window.Within(5 * ms), 3, 0, 8, 0, 8},
		{"a window before time began is empty", window.Within(20 * ms).After(-10 * ms), 5, 0, -5, 15, 25},
		{"nothing is behind the end of time", window.Within(5 * ms), end - 2, end - 7, end, end - 7, end},
		{"a window behind the end of time holds its last moment", window.Within(20 * ms).Before(-10 * ms), end - 5, end, end, end - 25, end - 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.w.Err(); err != nil {
				t.Fatal(err)
			}
			if from, to := c.w.Range(c.ts); from != c.from || to != c.to {
				t.Errorf("Range(%d) = %d, %d, want %d, %d", c.ts, from, to, c.from, c.to)
			}
			if from, to := c.w.Mirrored().Range(c.ts); from != c.mirroredFrom || to != c.mirroredTo {
				t.Errorf("the mirrored Range(%d) = %d, %d, want %d, %d", c.ts, from, to, c.mirroredFrom, c.mirroredTo)
			}
		})
	}
}

// A left record finds exactly those right ones that find it.
func TestJoinRangeIsMirrored(t *testing.T) {
	for before := -6; before <= 6; before++ {
		for after := -before; after <= 6; after++ {
			w := window.Within(0).Before(time.Duration(before) * ms).After(time.Duration(after) * ms)
			for left := range int64(20) {
				for right := range int64(20) {
					from, to := w.Range(left)
					back, forth := w.Mirrored().Range(right)
					if there, here := from <= right && right <= to, back <= left && left <= forth; there != here {
						t.Fatalf("before %d, after %d: left %d finds right %d: %v, and the other way round: %v", before, after, left, right, there, here)
					}
				}
			}
		}
	}
}

func TestJoinDue(t *testing.T) {
	const end = math.MaxInt64
	for _, c := range []struct {
		name           string
		w              window.Join
		streamTime     int64
		due, dueOfRest int64
	}{
		{"the end of the window is not due yet", window.Within(5 * ms), 20, 15, 15},
		{"grace delays it", window.Within(5 * ms).Grace(3 * ms), 20, 12, 12},
		{"each side waits for the other", window.Within(5 * ms).Before(1 * ms).Grace(2 * ms), 20, 13, 17},
		{"a window in the past is due at once", window.Within(20 * ms).After(-10 * ms), 20, 30, 0},
		{"before the first record nothing is due", window.Within(5 * ms), -1, -6, -6},
		{"at the end of time all is", window.Within(20 * ms).After(-10 * ms), end - 5, end, end - 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.w.Due(c.streamTime); got != c.due {
				t.Errorf("Due(%d) = %d, want %d", c.streamTime, got, c.due)
			}
			if got := c.w.Mirrored().Due(c.streamTime); got != c.dueOfRest {
				t.Errorf("the mirrored Due(%d) = %d, want %d", c.streamTime, got, c.dueOfRest)
			}
		})
	}
}

func TestJoinRetention(t *testing.T) {
	for _, c := range []struct {
		name                   string
		w                      window.Join
		size, grace, retention int64
	}{
		{"before and after", window.Within(5 * ms), 10, 0, 10},
		{"and grace", window.Within(5 * ms).Before(-2 * ms).Grace(4 * ms), 3, 4, 7},
		{"records of equal timestamps have to be kept too", window.Within(0), 0, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.w.Size() != c.size || c.w.GracePeriod() != c.grace || c.w.Retention() != c.retention {
				t.Errorf("size, grace and retention are %d, %d, %d, want %d, %d, %d", c.w.Size(), c.w.GracePeriod(), c.w.Retention(), c.size, c.grace, c.retention)
			}
		})
	}
}

func TestJoinFaults(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		name string
		w    window.Join
		want string
	}{
		{"usual windows have none", window.Within(time.Minute).Grace(time.Hour), ""},
		{"nor have those of equal timestamps", window.Within(0), ""},
		{"what is negative for a moment only does not count", window.Within(time.Second).Before(-time.Minute).After(time.Hour), ""},
		{"the longest windows have none", window.Within(0).After(longest.Truncate(ms)), ""},
		{"nothing between the ends", window.Within(time.Second).Before(-time.Minute), "window: the before and after of a join must not be negative together, got -1m0s and 1s: no two records could ever meet"},
		{"a negative difference", window.Within(-time.Second), "window: the before and after of a join must not be negative together, got -1s and -1s: no two records could ever meet"},
		{"a negative grace", window.Within(time.Second).Grace(-time.Second), "window: the grace must not be negative, got -1s"},
		{"parts of a millisecond", window.Within(time.Second).After(time.Microsecond), "window: the before, after and grace of a join must be whole milliseconds, got 1s, 1µs and 0s"},
		{"a grace between milliseconds", window.Within(time.Second).Grace(1), "window: the before, after and grace of a join must be whole milliseconds, got 1s, 1s and 1ns"},
		{"more than a duration can hold", window.Within(longest.Truncate(ms)), "window: the before, after and grace of a join must not exceed 2562047h47m16.854s together"},
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

func ExampleWithin() {
	// A payment belongs to an order if it comes within an hour after it.
	w := window.Within(0).After(time.Hour).Grace(5 * time.Minute)
	from, to := w.Range((10 * time.Hour).Milliseconds())
	fmt.Println(time.UnixMilli(from).UTC().Format("15:04"), "to", time.UnixMilli(to).UTC().Format("15:04"))
	// Output:
	// 10:00 to 11:00
}
