// Package embedded runs a Kafka broker inside the process, for development and
// demos: a program that uses it needs nothing installed. Only programs that
// import this package carry the broker.
//
// [Start] starts one. [Brokers] does so unless the environment variable
// KAFKA_BROKERS names a cluster, so that the same program runs on either:
//
//	addrs, stop, err := embedded.Brokers(ctx, embedded.Topic("orders", 4))
//
// The broker speaks the real protocol on a local port: any Kafka client can
// connect to it. It is not Kafka; docs/embedded-broker.md lists what it does
// otherwise, and its tests run on both. In particular it promises nothing about
// transactions that are open when its own process is killed.
package embedded
