// Package topologytest runs a topology in a test: without a broker, in virtual time
// and deterministically. It drives the same tasks as a worker does, so that what a
// test shows is what runs.
//
//	d := topologytest.New(t, b)
//	lines := d.Input[string, string]("text-lines")
//	lines.Send("", "to be or not to be", 0)
//	counts := topologytest.AsMap(d.Output[string, int64]("word-counts"))
//	// counts["be"] == 2
//
// A Driver is not safe for concurrent use.
package topologytest
