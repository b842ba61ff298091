// Package bridge writes Kafka topics to Redis as a configuration file says, without a line
// of Go:
//
//	application: threats          # the consumer group, and part of where positions are kept
//	kafka:
//	  brokers: [localhost:9092]
//	redis:
//	  url: redis://localhost:6379/0
//	dead_letter: threats.dead     # what Redis refuses; without it that ends the bridge
//	routes:
//	  - {topic: alerts, to: channel, key: "alerts:{key}"}
//	  - {topic: alerts, to: stream, key: alerts, keep: 10000}
//	  - {topic: cases, to: hash, key: cases, field: "{key}"}
//
// Keys, fields and values are templates of {key}, {value}, {topic}, {timestamp} and
// {header:NAME}; a brace is written twice. What package redis promises holds here: each
// record is in Redis once, whatever restarts, except that messages on channels have no
// memory. A record that one route of its topic cannot take, since it lacks a key or header
// that says where it goes, goes nowhere and is a dead letter. The command tidemill-bridge runs it.
package bridge
