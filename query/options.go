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
