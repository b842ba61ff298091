// Package upcast brings stored payloads to the newest version of their type. A
// chain for each type leads from version to version by small steps:
//
//	chains := upcast.New().
//		Add("threat.detected", 1, 2, upcast.Rename("sev", "severity")).
//		Add("threat.detected", 2, 3, upcast.Default("source", "unknown"))
//	err := chains.Check() // gaps and cycles
//
// What reads events is given the chains and applies them before any handler sees a
// payload, so handlers know the newest version only. The package knows payloads as
// JSON objects, and nothing of topics.
package upcast
