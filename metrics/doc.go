// Package metrics gives the status of a worker to Prometheus:
//
//	app, err := tidemill.New(b, options...)
//	registerer.MustRegister(metrics.New(app))
//
// Everything is read when Prometheus asks, so that nothing is spent while it does not.
// Latencies are native histograms. Package otelmetrics does the same for OpenTelemetry.
// docs/grafana/tidemill.json is a dashboard of these metrics.
package metrics
