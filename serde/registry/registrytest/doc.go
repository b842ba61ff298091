// Package registrytest is a schema registry in the process, for tests and for programs
// on an embedded broker: subjects, versions, numbers, references and deletion as
// franz-go's fake keeps them, and compatibility, which it leaves out. Schemas are in
// memory and go with the process.
//
// Compatibility is checked for Avro, in all of Confluent's modes; new protobuf and JSON
// schemas are taken as they are.
package registrytest
