package main

import (
	"strings"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// application names the consumer group and the internal topics.
const application = "threatwatch"

// grace is how long a minute stays open for events that come late. It has to cover
// the disorder of the events themselves and that among the partitions, which are
// read at different speeds; see feed.run.
const grace = 20 * time.Second

// build is the whole job: urgent events are enriched and passed on; all events
// are counted by type and minute, and counts above the threshold raise an alert.
func build(threshold int64, now func() time.Time) *topology.Builder {
	b := topology.New(application)
	threats := b.Stream[string, Threat](rawTopic)

	threats.
		Filter(func(_ string, t Threat) bool { return t.Priority >= highPriority }).
		MapValues(func(t Threat) HighPriority { return enrich(t, now()) }).
		To(highTopic)

	counts := threats.
		GroupBy(func(_ string, t Threat) string { return t.Type }, topology.Named("by-type")).
		WindowedBy(window.Tumbling(time.Minute).Grace(grace)).
		EmitFinal().
		Count(topology.StoreName("counts")).
		ToStream().
		FilterNot(func(w window.Key[string], _ int64) bool { return strings.HasPrefix(w.Key, heartbeat) }).
		Map(func(w window.Key[string], n int64) (string, Count) {
			return w.Key, Count{w.Key, w.StartTime(), w.EndTime(), n}
		})
	counts.To(countsTopic)
	counts.
		Filter(func(_ string, c Count) bool { return c.Events > threshold }).
		MapValues(func(c Count) Alert { return Alert{c, threshold} }).
		To(alertsTopic)
	return b
}
