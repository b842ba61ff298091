// Package topologytest runs a topology in a test: without a broker, in virtual time
// and deterministically. It drives the same tasks as a worker does, so that what a
// test shows is what runs.
//
//	d := topologytest.New(t, b)
//	lines := d.Input[string, string]("text-lines")
//	lines.Send("doc-1", "to be or not to be", 10*time.Second)
//	counts := topologytest.AsMap(d.Output[string, int64]("word-counts"))
//	// counts["be"] == 2
//
// Send writes a record and lets the topology process it, through all repartition
// topics, until nothing is left to do. Time passes with the timestamps of the records
// and, for the wall clock, with Advance. Topics, changelogs and repartition topics too,
// are read with Output, stores with KeyValue, Window and Stores.
//
// Every record is committed at once and nothing is cached, unless CommitInterval and
// CacheBytes say otherwise. Topics have one partition; with Partitions they have
// several, a task for each, and records go where the real partitioner puts them.
//
// Crash, Wipe and Move show what a crash, the loss of local state and a rebalance
// would do at this place; Faults and Chaos do so at every other. With ExactlyOnce the
// results must not change:
//
//	d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.Workers(2), topologytest.Chaos(seed))
//
// A Driver is not safe for concurrent use.
package topologytest
