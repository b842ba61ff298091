package topologytest

import (
	"maps"
	"slices"

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
		d.create(t.Name, t.Partitions)
	}
	return nil
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
