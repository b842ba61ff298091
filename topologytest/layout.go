package topologytest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/topology"
)

// layOut creates the topics and fits the plan to their partitions.
func (d *Driver) layOut() error {
	for _, name := range slices.Concat(d.plan.ExternalTopics(), d.plan.SinkTopics(), d.deadLetterTopics()) {
		d.topic(name)
	}
	counts := map[string]int32{}
	maps.Copy(counts, d.config.counts)
	for name, t := range d.topics {
		counts[name] = int32(len(t.logs))
	}
	var err error
	if d.layout, err = d.plan.Resolve(counts); err != nil {
		return err
	}
	for name, n := range d.config.counts {
		if d.topics[name] == nil {
			d.create(name, n)
		}
	}
	for _, t := range d.layout.Internal {
		made := d.create(t.Name, t.Partitions)
		if lag := t.Config["min.compaction.lag.ms"]; lag != "" {
			if made.lag, err = strconv.ParseInt(lag, 10, 64); err != nil {
				return fmt.Errorf("topologytest: topic %q: min.compaction.lag.ms: %w", t.Name, err)
			}
		}
	}
	d.appeared = nil
	return nil
}

// discover finds out which tasks read topics that have appeared, and makes them
// again.
func (d *Driver) discover() error {
	for len(d.appeared) > 0 {
		name := d.appeared[0]
		d.appeared = d.appeared[1:]
		for _, sub := range d.plan.Subtopologies {
			if !slices.ContainsFunc(sub.Sources, func(s *topology.Source) bool { return s.Matches(name) }) {
				continue
			}
			if n, tasks := len(d.topics[name].logs), d.layout.Tasks[sub.ID]; n > int(tasks) {
				return fmt.Errorf("topologytest: topic %q has %d partitions, but there are %d tasks to read it: name it in the option Partitions, so that it is there from the start", name, n, tasks)
			}
			if err := d.reopen(sub.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// reopen commits and makes the tasks of a subtopology again.
func (d *Driver) reopen(subtopology int) error {
	for _, h := range d.tasks {
		if h.id.Subtopology != subtopology {
			continue
		}
		if err := h.move(h.worker.number); err != nil {
			return err
		}
	}
	return nil
}

// inputTopics are the topics that the plan reads and that are there, sorted.
func (d *Driver) inputTopics() []string {
	var names []string
	for _, sub := range d.plan.Subtopologies {
		for _, source := range sub.Sources {
			if !source.Repartition {
				names = append(names, d.topicsOf(source)...)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (d *Driver) deadLetterTopics() []string {
	var topics []string
	p := d.config.policies
	for _, policy := range []task.Policy{p.Decode, p.Process, p.Produce} {
		if name := policy.DeadLetterTopic(); name != "" {
			topics = append(topics, name)
		}
	}
	return topics
}

// inputsOf are the partitions that a task reads.
func (d *Driver) inputsOf(id task.ID) []task.Input {
	var inputs []task.Input
	for i, source := range d.plan.Subtopologies[id.Subtopology].Sources {
		for _, name := range d.topicsOf(source) {
			if int(id.Partition) < len(d.topics[name].logs) {
				inputs = append(inputs, task.Input{Topic: name, Partition: id.Partition, Source: i})
			}
		}
	}
	return inputs
}

// topicsOf are the topics that a source reads, sorted.
func (d *Driver) topicsOf(source *topology.Source) []string {
	var names []string
	for name := range d.topics {
		if source.Matches(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
