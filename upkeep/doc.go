// Package upkeep does to an application what is done from outside, on its topics and
// its consumer group: it tells how far behind it is and what its internal topics hold,
// sets it back, and looks after its dead letters. The command tidemill is made of it.
//
//	c, err := upkeep.Open(upkeep.Brokers("localhost:9092"))
//	plan, err := c.PlanReset(ctx, "wordcount", upkeep.Earliest())
//	err = c.Reset(ctx, plan)
//
// The package is a home of the Kafka client.
package upkeep
