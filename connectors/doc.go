// Package connectors is how a topology writes to systems other than Kafka.
//
// A target is outside of Kafka's transactions, so a sink keeps its own position in
// the target, written together with the data:
//
//	records --> Sink --> batch of items and positions --> Target, all or nothing
//	                                                  then offsets --> Kafka
//
// A batch is written when it is full or no record has come for 5 ms, while the task goes
// on with other records, and the last one before each commit. So a target is never behind the committed offsets, and after a
// crash it may be ahead of them: the position is read back when a task is opened, and
// records below it are not written again. What a record adds to the target is there
// once, counters included. A task with a batch under way and another one full takes
// no more records until the target has answered.
//
// This holds for what is written because of a record of the task's input. What caches,
// suppressions, final windows and punctuations pass on belongs to no single record and
// may be written again after a crash, as may results of joins whose inputs are read in
// another order then: give those to sinks that overwrite. Under at-least-once a
// repartition topic before the sink can hold a record twice; under exactly-once it
// cannot.
//
// A record that the target refuses is handled by the policy for processing, such as a
// dead letter. Its offset is noted in the target until the next commit, so that a crash
// in between does not lose the letter.
//
// [To] makes a sink of a [Target], which is what a connector implements. The kit
// connectortest checks one.
package connectors
