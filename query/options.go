package query

// Option is an option of a query.
type Option interface{ change(*Request) }

type option func(*Request)

func (o option) change(r *Request) { o(r) }

// Limit is how many rows to return at most, 1,000 by default.
func Limit(n int) Option { return option(func(r *Request) { r.Limit = n }) }

// Partition asks this partition, for keys that a partitioner of one's own has placed.
func Partition(p int32) Option { return option(func(r *Request) { r.Partition = p }) }

// After has the query wait, as long as its context lasts, until the task has processed
// the record before this position: give a producer's partition and offset + 1.
func After(topic string, partition int32, offset int64) Option {
	return option(func(r *Request) {
		r.After = append(r.After, Position{Topic: topic, Partition: partition, Offset: offset})
	})
}

// Stale lets standbys answer (see tidemill.Standbys): where the owner of the rows is not
// this worker or is being restored, the worker's own copy of the store is read, if it
// keeps one that has been built up. It is behind the owner by what the owner has not
// committed yet (under at-least-once, not written yet), by half a second at most until it
// is fetched, and by whatever else the Answer's Copies say; and it may be in the midst of
// what the owner commits as one. Tasks that run in this worker still answer themselves.
//
// A query with After is never answered by a standby, which knows no inputs, nor is one of
// a store without a changelog, or with a source topic in place of one.
func Stale() Option { return option(func(r *Request) { r.Stale = true }) }
