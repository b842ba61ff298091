// Package integration holds the tests of the whole on real Apache Kafka, in a
// container that kafkatest starts. They run with the build tag integration
// (make integration), see only what users see, and fail without Docker.
//
// Workers that have to be killed, stopped or measured are processes of their own:
// the test binary started again, as which worker its environment says.
package integration
