// Package beyond holds the tests of what Kafka Streams has no counterpart for:
// Deduplicate, and streams of the records that came too late.
package beyond
