package runtime

import (
	"testing"
	"time"
)

func TestRepeatsAreLoggedTenTimesAPeriod(t *testing.T) {
	var r repeats
	now := time.Unix(1000, 0)
	what := repeated{node: "map", stage: "process", action: "skip"}
	logged := 0
	for range 1000 {
		if _, ok := r.next(what, now); ok {
			logged++
		}
	}
	if logged != repeatLimit {
		t.Errorf("%d were logged, want %d", logged, repeatLimit)
	}
	if _, ok := r.next(repeated{node: "filter"}, now); !ok {
		t.Error("another node's failure was not logged")
	}
	skipped, ok := r.next(what, now.Add(repeatPeriod))
	if !ok || skipped != 1000-repeatLimit {
		t.Errorf("a period later: logged %v, %d skipped before", ok, skipped)
	}
}
