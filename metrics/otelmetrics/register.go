package otelmetrics

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tidemill/tidemill/metrics"
	"github.com/tidemill/tidemill/status"
)

// scope is the name of the instrumentation.
const scope = "github.com/tidemill/tidemill"

// Register makes the instruments and has them read from the source whenever they are
// collected, until the registration is unregistered.
func Register(provider metric.MeterProvider, source metrics.Source) (metric.Registration, error) {
	meter := provider.Meter(scope)
	var all []instrument
	var observables []metric.Observable
	for _, m := range append(metrics.Table(), commits()...) {
		observable, err := makeOne(meter, m)
		if err != nil {
			return nil, fmt.Errorf("otelmetrics: %w", err)
		}
		all = append(all, instrument{metric: m, observable: observable})
		observables = append(observables, observable)
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		w := source.Status()
		for _, one := range all {
			one.observe(o, &w)
		}
		return nil
	}, observables...)
}

// instrument is a metric and how OpenTelemetry knows it.
type instrument struct {
	metric     metrics.Metric
	observable metric.Float64Observable
}

func makeOne(meter metric.Meter, m metrics.Metric) (metric.Float64Observable, error) {
	name, unit := Name(m.Name)
	if m.Kind == metrics.Counter {
		return meter.Float64ObservableCounter(name, metric.WithDescription(m.Help), metric.WithUnit(unit))
	}
	return meter.Float64ObservableGauge(name, metric.WithDescription(m.Help), metric.WithUnit(unit))
}

func (one instrument) observe(o metric.Observer, w *status.Worker) {
	one.metric.Values(w, func(value float64, labels ...string) {
		attributes := []attribute.KeyValue{attribute.String("application", w.Application)}
		for i, label := range labels {
			attributes = append(attributes, attribute.String(one.metric.Labels[i], label))
		}
		o.ObserveFloat64(one.observable, value, metric.WithAttributes(attributes...))
	})
}

// Name is the name and the unit that OpenTelemetry has for a metric of Prometheus.
func Name(prometheus string) (name, unit string) {
	name, unit = strings.TrimSuffix(prometheus, "_total"), "1"
	for suffix, u := range map[string]string{"_seconds": "s", "_bytes": "By", "_records": "{record}"} {
		if rest, ok := strings.CutSuffix(name, suffix); ok {
			name, unit = rest, u
			break
		}
	}
	return strings.ReplaceAll(name, "_", "."), unit
}

// commits stands for the histogram of commits.
func commits() []metrics.Metric {
	single := func(name, help string, kind metrics.Kind, value func(*status.Histogram) float64) metrics.Metric {
		return metrics.Metric{Name: name, Help: help, Kind: kind, Values: func(w *status.Worker, yield func(float64, ...string)) { yield(value(&w.Commits.Seconds)) }}
	}
	return []metrics.Metric{
		single("tidemill_commit_count", "Commits that went well.", metrics.Counter, func(h *status.Histogram) float64 { return float64(h.Count) }),
		single("tidemill_commit_duration_sum_seconds", "How long all commits took together.", metrics.Counter, func(h *status.Histogram) float64 { return h.Sum }),
		single("tidemill_commit_duration_p50_seconds", "Half of the commits took at most this long.", metrics.Gauge, func(h *status.Histogram) float64 { return h.Quantile(0.5) }),
		single("tidemill_commit_duration_p99_seconds", "99 of 100 commits took at most this long.", metrics.Gauge, func(h *status.Histogram) float64 { return h.Quantile(0.99) }),
	}
}
