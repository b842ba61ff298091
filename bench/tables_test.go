package main

import (
	"math"
	"strings"
	"testing"
)

func TestMedianIsTheMiddleOne(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"of nothing is zero", nil, 0},
		{"of one", []float64{3}, 3},
		{"of three in any order", []float64{9, 1, 2}, 2},
		{"of four is between the two in the middle", []float64{4, 1, 2, 100}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := median(test.values, func(v float64) float64 { return v }); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for p, want := range map[float64]float64{0: 1, 1: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%v of 1 to 100 is %v, want %v", p, got, want)
		}
	}
	if got := percentile([]float64{7}, 99); got != 7 {
		t.Errorf("p99 of one value is %v, want that value", got)
	}
}

func TestTheBudgetIsScaledByTheRawLoopOfTheSameRun(t *testing.T) {
	for _, test := range []struct {
		name        string
		limits      limits
		own, filter float64
		factor      float64
		unit        string
		ok          bool
	}{
		{"by its own loop where the budget has one", limits{must: 2, raw: 0.75}, 1.5, 9, 2, "own", true},
		{"by the filter loop elsewhere", limits{must: 2}, 1.5, 0.6, 0.5, "filter", true},
		{"not at all if that was not measured", limits{must: 2}, 1.5, 0, 0, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			factor, unit, ok := scale(test.limits, false, test.own, test.filter)
			if math.Abs(factor-test.factor) > 1e-9 || unit != test.unit || ok != test.ok {
				t.Errorf("got %v %q %t, want %v %q %t", factor, unit, ok, test.factor, test.unit, test.ok)
			}
		})
	}
}

func TestTablesMarkWhatIsReached(t *testing.T) {
	r := newReport("a broker", options{records: 1000, runs: 1})
	r.Throughput = []*Line{
		{Workload: "filter", Raw: []Sample{{CPU: 1.2, PeakMiB: 90}}, Tidemill: []Sample{{CPU: 1.5, PeakMiB: 99}}},
		{Workload: "count", Raw: []Sample{{CPU: 0.75}}, Tidemill: []Sample{{CPU: 2.5, PeakMiB: 300}}},
		{Workload: "join", Raw: []Sample{{CPU: 1}}, Tidemill: []Sample{{CPU: 1.9}}},
	}
	text := r.markdown()
	for _, want := range []string{
		"| filter, pass bytes (80 % pass) | at least once | 1.20 | 1.50     | 1.25  | 1.60 pass | 1.30 miss | own    |",
		"| groupByKey.count, 100k keys    | at least once | 0.75 | 2.50     | 3.33  | 2.00 miss | 1.20 miss | own    |",
		"| stream-table join, 100k rows   | at least once | 1.00 | 1.90     | 1.90  | 3.00 pass | 2.00 pass | filter |",
		"250.00 miss",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}
