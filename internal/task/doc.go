// Package task is one task of a topology as a pure machine: fetched records and
// wall-clock times go in; outputs, changelog records, dead letters and positions
// come out as data, in the order in which they must become durable. It knows no
// Kafka client, starts no goroutine and reads no clock. A worker drives it with
// what it fetches, a test driver drives the same machine in virtual time.
//
// The life of a record in a task, a file a stage:
//
//	input.go    it waits in the queue of its partition until it has the lowest timestamp
//	process.go  it is decoded and runs through the operators as one unit of work
//	call.go     calls of the user's code that take time are handed out, and taken back
//	line.go     those of one operator wait for room, and for others of their key
//	fail.go     if that fails, the unit is taken back and the policy decides
//	commit.go   at a commit, held-back writes are flushed and positions are told
package task
