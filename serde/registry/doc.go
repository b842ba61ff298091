// Package registry puts a schema registry between a serde and its topics: values are
// written in Confluent's wire format, a zero byte and the number of their schema
// before each, and are read by whatever schema they were written with.
//
//	client, err := sr.NewClient(sr.URLs("https://registry:8081"), sr.BasicAuth(user, password))
//	schemas := registry.New(client)
//	b.Stream[string, Order]("orders", topology.ValueSerde(registry.Of(schemas, avro.Of[Order]())))
//
// Authentication and TLS are the client's. Binding a serde to a topic, which happens
// when the topology is built, registers its schema, so that one the registry refuses
// is an error before the first record. What was asked of the registry once is
// remembered: an outage later on is noticed only by data of a schema never seen
// before, whose decoding fails with [ErrUnavailable].
package registry
