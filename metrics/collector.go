package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidemill/tidemill/status"
)

// Source is what is measured: a *tidemill.App.
type Source interface{ Status() status.Worker }

// Collector is a prometheus.Collector of one worker. Its metrics have the label
// application, so that one registerer may have several.
type Collector struct {
	source Source
	table  []Metric
	descs  []*prometheus.Desc
	commit *prometheus.Desc
}

// CommitSeconds is the name of the histogram of how long commits took.
const CommitSeconds = "tidemill_commit_duration_seconds"

// New makes a collector, to be registered where the program's other metrics are.
func New(source Source) *Collector {
	labels := prometheus.Labels{"application": source.Status().Application}
	c := &Collector{source: source, table: Table()}
	for _, m := range c.table {
		c.descs = append(c.descs, prometheus.NewDesc(m.Name, m.Help, m.Labels, labels))
	}
	c.commit = prometheus.NewDesc(CommitSeconds, "How long commits took.", nil, labels)
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
	out <- c.commit
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	w := c.source.Status()
	for i, m := range c.table {
		kind := prometheus.GaugeValue
		if m.Kind == Counter {
			kind = prometheus.CounterValue
		}
		m.Values(&w, func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[i], kind, value, labels...)
		})
	}
	h := w.Commits.Seconds
	histogram, err := prometheus.NewConstNativeHistogram(
		c.commit, uint64(h.Count), h.Sum, h.Buckets, nil, uint64(h.Zero), status.Schema, prometheus.DefNativeHistogramZeroThreshold, w.Started,
	)
	if err != nil {
		histogram = prometheus.NewInvalidMetric(c.commit, err)
	}
	out <- histogram
}

func number(n int32) string { return strconv.Itoa(int(n)) }
