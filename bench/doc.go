// Command bench measures Tidemill on a real broker beside the same work done with
// plain franz-go, and prints the performance budget as a table.
//
//	go run ./bench                           the six workloads, in both guarantees
//	go run ./bench --only count --runs 1     one of them, once
//	go run ./bench --latency                 end-to-end latency at a fixed rate
//	go run ./bench --restore                 cold restore, and start to first record
//	go run ./bench --sagas 20000             sagas of two command steps, exactly once
//	go run ./bench --bridge localhost:6379   the bridge to this Redis
//	go run ./bench --metrics                 what collecting metrics costs the count
//	go run ./bench --profile DIR             also CPU and heap profiles of each worker
//
// The broker is the cluster that KAFKA_BROKERS names, or one in a container, which
// needs Docker. With --embedded it is the one of package embedded, which is good
// for a quick look only: it has the machine's cores to share with what is measured.
//
// Each worker, of Tidemill or the raw loop, is a process of its own that begins
// afresh, so that CPU time and memory are its alone. Its CPU time counts from the
// moment that it has its partitions to the moment that the offsets of all input
// are committed, and its results are checked each time. Nothing is asserted on
// time: marks in the table say which figures of the budget are reached.
package main
