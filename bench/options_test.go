package main

import (
	"io"
	"strings"
	"testing"
)

func TestOptionsAreChecked(t *testing.T) {
	for _, test := range []struct {
		name string
		args string
		want string // in the error; empty for none
	}{
		{"nothing is needed", "", ""},
		{"workloads by name", "--only filter,count", ""},
		{"an unknown workload names the known ones", "--only nosuch", "there are filter, json, count"},
		{"a workload of another mode", "--only relay", `no workload "relay"`},
		{"an unknown guarantee", "--guarantee most", "at-least-once, exactly-once or both"},
		{"too few records", "--records 5", "--records 5"},
		{"two modes at once", "--latency --restore", "one at a time"},
		{"sagas and another mode", "--sagas 10 --latency", "one at a time"},
		{"the bridge and another mode", "--bridge localhost:6379 --restore", "--bridge is measured alone"},
		{"metrics and another mode", "--metrics --sagas 10", "--metrics is measured alone"},
		{"fewer than no sagas", "--sagas -1", "--sagas -1"},
		{"a stray argument", "count", "unexpected arguments"},
		{"all faults at once", "--runs 0 --rate 0", "--rate 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(strings.Fields(test.args), io.Discard)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
