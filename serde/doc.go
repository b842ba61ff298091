// Package serde turns keys and values into the bytes that Kafka stores, and
// back. A [Serde] is picked from the type by [Of], or made by hand:
//
//   - [String], [Bytes] and [UUID] write text or raw bytes;
//   - [Bool], [Number] and its short forms ([Int64], [Float64] ...) and [Time]
//     write a fixed number of bytes, big-endian, as Kafka's Java serializers do;
//   - [JSON] writes everything else, with encoding/json/v2;
//   - [Func] makes a Serde of two functions.
//
// The packages below this one follow schemas: avro, protobuf and jsonschema, and
// registry, which keeps their schemas in a schema registry.
//
// Every Serde of this package is safe for concurrent use. Errors say what was
// wanted and what was found; the caller adds topic, partition and offset. They
// quote a short excerpt of the data at most, so that a log of failed records
// does not become a second copy of them.
package serde
