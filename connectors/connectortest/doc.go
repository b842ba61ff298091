// Package connectortest checks that a target keeps the contract of package connectors:
// order, all or nothing, each batch once however often it is tried, one writer at a
// time, refused items noted, and outages told from faults.
//
//	func TestTheTargetConforms(t *testing.T) {
//		connectortest.Run(t, func(t *testing.T) connectortest.Subject[redis.Op] { ... })
//	}
//
// RunWorker checks one behind a whole worker on the embedded broker. Gate cuts or slows
// the connections of a target.
//
// Memory is a target in memory, to try topologies with.
package connectortest
