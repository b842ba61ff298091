// Package request sends requests over topics and waits for their replies: the client of
// events.Handle.
//
//	c, err := request.Open(ctx, "lookups.replies", request.Brokers("localhost:9092"))
//	verdict, err := c.Request[Lookup, Verdict](ctx, "lookups", Lookup{"203.0.113.9"}, time.Second)
//
// All instances of a program share the topic of replies. Each has requests answered on
// one partition of it and reads that one only; of what it reads it takes its own. A
// request has exactly one outcome: its reply, an error or the end of its time.
//
// The package is a home of the Kafka client.
package request
