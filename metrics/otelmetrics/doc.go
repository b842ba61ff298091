// Package otelmetrics gives the status of a worker to OpenTelemetry:
//
//	registration, err := otelmetrics.Register(provider, app)
//	defer registration.Unregister()
//
// The instruments are those of package metrics with dots for underscores and without the
// suffixes that are Prometheus' own: tidemill_task_busy_seconds_total is
// tidemill.task.busy, in seconds. OpenTelemetry has no histogram that is read when it is
// asked for: commits are tidemill.commit.count, tidemill.commit.duration.sum and quantiles.
package otelmetrics
