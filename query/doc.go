// Package query reads the stores of a running application, without stopping it.
//
//	counts, err := query.OpenTable[string, int64](app, "counts")
//	n, ok, err := counts.Get(ctx, "hello")
//
// A query is answered by the worker that owns the key, between two records of its task.
// It sees everything that the task has done so far, of which the last bit may not be
// committed yet and, after a crash, may be done again. [After] makes it wait for records
// that the caller has written to an input of the task, so that it reads its own writes.
// A worker answers for its own tasks only: [ElsewhereError] says where to ask instead,
// and the admin address passes queries on by itself. With [Stale] a worker also answers
// from the standbys that it keeps.
package query
