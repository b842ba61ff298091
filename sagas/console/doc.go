// Package console speaks to the sagas of an orchestrator from outside, over its topics:
// it starts, signals, cancels and repairs them, lists them and tells their history.
//
//	c, err := console.Open(console.Topics{Inbox: "sagas", Statuses: "statuses", Audit: "audit"}, console.Brokers("localhost:9092"))
//	err = c.Start(ctx, "case-1", "investigation-workflow", Investigation{Target: "10.0.0.7"})
//	parked, err := c.List(ctx, sagas.Filter{Statuses: []sagas.Status{sagas.Parked}})
//	err = c.RetryStep(ctx, "case-1", "create-case")
//
// What it asks for is an event in the inbox, and takes effect when the orchestrator
// comes to it.
//
// The package is a home of the Kafka client.
package console
