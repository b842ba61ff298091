// Package avro encodes values as Apache Avro's binary format says, without a
// header (see serde/registry for that of schema registries):
//
//   - [Of] writes Go structs, by a schema that follows from the struct or is
//     given with [Text];
//   - [Generic] writes values without a Go type of their own: maps, slices and
//     basic types, as a schema says that is known at run time only.
//
// A serde that cannot be made, such as one of a schema with an error, says so when
// it is bound to a topic, which is when the topology is built, and at every use.
//
// Data written with an older or newer schema is read with ForWriter, which
// resolves the two as the specification says: fields are matched by name or
// alias, new ones get their defaults, numbers are widened.
package avro
