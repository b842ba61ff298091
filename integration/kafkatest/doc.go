// Package kafkatest runs Apache Kafka in a container for tests.
//
// A test binary shares one broker: [Main] stops it at the end.
//
//	func TestMain(m *testing.M) { kafkatest.Main(m) }
//
//	func TestOrders(t *testing.T) {
//		cluster := kafkatest.Run(t)
//		...
//	}
//
// Tests keep apart by the names of their topics and groups. One that pauses or
// stops the broker starts its own with [Start]. Docker must be there: without it
// the tests fail.
package kafkatest
