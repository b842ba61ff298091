// Package brokertest tests brokers. [Run] checks what exactly-once stream
// processing needs of any Kafka broker; [Differences] lists where the embedded
// broker answers otherwise than Apache Kafka, each with a probe that shows it.
// Both run on the embedded broker and on Apache Kafka in a container.
package brokertest
