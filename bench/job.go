package main

import (
	"time"

	"github.com/tidemill/tidemill/bench/raw"
)

// job is what a worker process is to do. It is handed over as JSON.
type job struct {
	// Raw asks for the raw loop instead of Tidemill.
	Raw         bool
	Workload    string
	ExactlyOnce bool
	Brokers     []string
	// App is the application id and the raw loop's group.
	App                  string
	Input, Output, Table string
	Redis                string
	Records, Rows        int
	Commit               time.Duration
	StateDir             string
	// Scraped has the worker's metrics collected every second.
	Scraped bool
	// Profile is where profiles go, without the ending; empty means none.
	Profile string
}

// The commit intervals of the throughput runs, which are Tidemill's defaults.
const (
	atLeastOnceCommit = time.Second
	exactlyOnceCommit = 100 * time.Millisecond
)

func commitInterval(exactlyOnce bool) time.Duration {
	if exactlyOnce {
		return exactlyOnceCommit
	}
	return atLeastOnceCommit
}

// repartitionTopic is the topic between the two halves of the repartitioning
// workload. Tidemill makes its own; the raw loop's has to exist.
func (j job) repartitionTopic() string { return j.App + "-" + byUser + "-repartition" }

// awaited lists the topics that have been worked off when the group of each has
// committed its end, in the order in which records pass them.
func (j job) awaited(w workload) []position {
	out := []position{{group: j.App, topic: j.Input}}
	if w.repartitioned {
		group := j.App
		if j.Raw {
			group = raw.CountsGroup(j.App)
		}
		out = append(out, position{group: group, topic: j.repartitionTopic(), markers: j.ExactlyOnce})
	}
	return out
}

func (j job) side() string {
	if j.Raw {
		return "raw"
	}
	return "tidemill"
}
