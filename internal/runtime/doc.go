// Package runtime is a worker: a member of a consumer group that runs the tasks
// which the group gives it. It is the only home of the Kafka client.
//
// The life of a worker and of what passes through it:
//
//	prepare.go    topics are checked and internal ones created
//	global.go     tables that are whole in every worker are read to their end
//	rebalance.go  the group gives partitions, and takes them
//	open.go       a task's offsets are fetched and its stores restored
//	fetch.go      its partitions are polled
//	lane.go       its records are processed, turn by turn
//	calls.go      calls of the user's code are made beside it
//	emit.go       what it writes is produced
//	drain.go      before a commit, calls under way are finished
//	commit.go     outputs and offsets become durable
//	checkpoint.go committed state goes to disk
//	host.go       tasks begin and end; after a failure all begin anew
//	follow.go     stores of tasks that others have are kept up to date
//	warm.go       tasks are asked for whose stores have caught up
//
// What looks into it from outside: status.go, query.go and letters.go by way of ask.go,
// between two records; watch.go looks at the cluster and the disk, members.go at the group,
// keyed.go at the records of a key;
// trace.go follows records over topics.
package runtime
