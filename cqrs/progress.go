package cqrs

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tidemill/tidemill/events"
)

// ProgressType is the type of the events by which projections tell how far they are.
// Their payload is a Progress.
const ProgressType = "projection.progress"

// Progress says how far a version of a projection is in one partition.
type Progress struct {
	Projection string `json:"projection"`
	Version    int    `json:"version"`
	Topic      string `json:"topic"`
	Partition  int32  `json:"partition"`
	// Offset is that of the last event that is in the model.
	Offset int64 `json:"offset"`
	// Target is how far older versions were known to be, or -1 if there are none.
	// CaughtUp says that the model has once been as far as that.
	Target   int64 `json:"target"`
	CaughtUp bool  `json:"caughtUp"`
}

// ProgressOf is the progress that an event of the topic of progress tells.
func ProgressOf(e events.Event) (Progress, error) { return e.Payload[Progress]() }

// key is that of the progress in its topic, which holds the newest of each.
func (p Progress) key() string { return fmt.Sprintf("%d/%s/%d", p.Version, p.Topic, p.Partition) }

// Active is the version of a projection to read from, by the newest progress of all
// versions: the highest that has caught up in every partition that any version has
// read. It is 0 if there is none.
func Active(all []Progress) int {
	type place struct {
		topic     string
		partition int32
	}
	places := map[place]bool{}
	caughtUp := map[int]map[place]bool{}
	for _, p := range all {
		at := place{p.Topic, p.Partition}
		places[at] = true
		if caughtUp[p.Version] == nil {
			caughtUp[p.Version] = map[place]bool{}
		}
		caughtUp[p.Version][at] = p.CaughtUp
	}
	active := 0
	for version, done := range caughtUp {
		complete := true
		for at := range places {
			complete = complete && done[at]
		}
		if complete {
			active = max(active, version)
		}
	}
	return active
}

// Behind is how many events a version still has to read to be where older ones are, by
// the newest progress of all versions.
func Behind(version int, all []Progress) (n int64) {
	at := map[string]int64{}
	for _, p := range all {
		if p.Version == version {
			at[fmt.Sprint(p.Topic, "/", p.Partition)] = p.Offset + 1
		}
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b Progress) int { return cmp.Compare(b.Offset, a.Offset) })
	seen := map[string]bool{}
	for _, p := range sorted {
		place := fmt.Sprint(p.Topic, "/", p.Partition)
		if p.Version < version && !seen[place] {
			seen[place] = true
			n += max(0, p.Offset+1-at[place])
		}
	}
	return n
}
