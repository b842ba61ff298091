package main

import "fmt"

// The figures of a sample.
func cpuOf(s Sample) float64        { return s.CPU }
func wholeCPUOf(s Sample) float64   { return s.WholeCPU }
func memoryOf(s Sample) float64     { return s.PeakMiB }
func throughputOf(s Sample) float64 { return s.Throughput }
func allocsOf(s Sample) float64     { return s.Allocs }

// throughputTables are the budget, and what else was measured in the same runs.
func throughputTables(r *Report) []table {
	cost := table{
		caption: fmt.Sprintf("CPU seconds of the worker process per million input records (%d records of 200 bytes, medians of %d runs):", r.Records, r.Machine.Runs),
		head:    []string{"workload", "guarantee", "raw", "Tidemill", "ratio", "must", "aim", "unit"},
		notes: []string{
			"must and aim are the budget's figures, scaled by what the raw loop takes here to what it took when the budget was made:",
			"the workload's own loop where the budget has a figure for it (unit: own), else the filter loop (unit: filter).",
		},
	}
	rest := table{
		caption: "Peak memory, input records a second, allocations per input record, and CPU seconds with start and end:",
		head: []string{
			"workload", "guarantee", "raw MiB", "Tidemill MiB", "must", "raw rec/s", "Tidemill rec/s",
			"raw allocs", "Tidemill allocs", "raw whole CPU", "Tidemill whole CPU",
		},
	}
	filter := map[bool]float64{}
	for _, l := range r.Throughput {
		if l.Workload == "filter" {
			filter[l.ExactlyOnce] = median(l.Raw, cpuOf)
		}
	}
	for _, l := range r.Throughput {
		w, _ := workloadNamed(l.Workload)
		cost.rows = append(cost.rows, costRow(w, l, filter[l.ExactlyOnce]))
		rest.rows = append(rest.rows, restRow(w, l))
	}
	return []table{cost, rest}
}

func costRow(w workload, l *Line, filter float64) []string {
	own, have := median(l.Raw, cpuOf), median(l.Tidemill, cpuOf)
	budget := w.budget.of(l.ExactlyOnce)
	must, aim := "-", "-"
	factor, unit, ok := scale(budget, l.ExactlyOnce, own, filter)
	if ok {
		must, aim = mark(have, budget.must*factor), mark(have, budget.aim*factor)
	}
	return []string{
		w.title, guaranteeName(l.ExactlyOnce), fmt.Sprintf("%.2f", own), fmt.Sprintf("%.2f", have),
		fmt.Sprintf("%.2f", have/own), must, aim, unit,
	}
}

func restRow(w workload, l *Line) []string {
	must := "-"
	if w.budget.mib > 0 {
		must = mark(median(l.Tidemill, memoryOf), w.budget.mib)
	}
	both := func(format string, figure func(Sample) float64) []string {
		return []string{fmt.Sprintf(format, median(l.Raw, figure)), fmt.Sprintf(format, median(l.Tidemill, figure))}
	}
	row := append([]string{w.title, guaranteeName(l.ExactlyOnce)}, both("%.0f", memoryOf)...)
	row = append(append(row, must), both("%.0f", throughputOf)...)
	return append(append(row, both("%.2f", allocsOf)...), both("%.2f", wholeCPUOf)...)
}
