// Package topology is the fluent, typed way to say what happens to the records
// of Kafka topics: a Builder gives streams and tables, their methods give new
// ones, and Build checks the whole and compiles it into a Plan that a worker or a
// test driver runs. Building does no I/O and starts nothing.
//
// Operators, stores and internal topics are named by the scheme of Kafka Streams,
// so that its tools and applications find their way. Naming them yourself, with
// Named and StoreName, keeps the names when the topology changes.
//
// A Builder and what comes from it are not safe for concurrent use; a Plan is.
package topology
