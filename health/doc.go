// Package health judges what a worker is doing: healthy, degraded or unhealthy, and why.
//
// It is a function of a status and of checks. The default ones can be given other
// limits, and users add their own:
//
//	tidemill.Health(health.Lag(50_000), health.Check{Name: "model", Run: modelLoaded})
package health
