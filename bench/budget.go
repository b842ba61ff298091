package main

import "fmt"

// budget is what a workload may cost: CPU seconds per million input records.
type budget struct {
	atLeastOnce, exactlyOnce limits
	// mib bounds the memory; 0 means that the budget says nothing.
	mib float64
}

// limits are absolute figures from the machine that the budget was measured on.
type limits struct {
	must, aim float64
	// raw is what the raw loop of the same work took there, or 0 where the budget
	// has none: then rawFilter is the unit.
	raw float64
}

func (b budget) of(exactlyOnce bool) limits {
	if exactlyOnce {
		return b.exactlyOnce
	}
	return b.atLeastOnce
}

// rawFilter is what the raw filter loop took on the budget's machine.
var rawFilter = map[bool]float64{false: 1.2, true: 1.1}

// scale is how much slower this machine is: what a raw loop takes here, to what
// it took on the budget's machine. ok is false if neither the workload's own loop
// has a figure there nor the filter was measured here.
func scale(l limits, exactlyOnce bool, own, filter float64) (factor float64, unit string, ok bool) {
	switch {
	case l.raw > 0:
		return own / l.raw, "own", true
	case filter > 0:
		return filter / rawFilter[exactlyOnce], "filter", true
	}
	return 0, "", false
}

// mark says whether a figure is within a limit.
func mark(have, limit float64) string {
	verdict := "miss"
	if have <= limit {
		verdict = "pass"
	}
	return fmt.Sprintf("%.2f %s", limit, verdict)
}
