package kafkatest

import (
	"maps"
	"strings"
)

// Image is the container image that is started.
const Image = "apache/kafka:4.3.1"

// Option configures a cluster.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Setting sets a broker configuration, such as "log.retention.ms", over the
// settings that suit tests.
func Setting(name, value string) Option {
	return option(func(c *config) { c.settings[name] = value })
}

// Heap sets the broker's heap size in the JVM's notation; 512m by default.
func Heap(size string) Option {
	return option(func(c *config) { c.heap = size })
}

type config struct {
	settings map[string]string
	heap     string
}

// testSettings make one broker of a cluster and spare the tests its waits.
// Whatever tests are about, such as transaction timeouts, is Kafka's default.
var testSettings = map[string]string{
	"process.roles":                  "broker,controller",
	"node.id":                        "1",
	"controller.quorum.voters":       "1@localhost:9093",
	"controller.listener.names":      "CONTROLLER",
	"listeners":                      "PLAINTEXT://:9092,BROKER://localhost:9094,CONTROLLER://localhost:9093",
	"inter.broker.listener.name":     "BROKER",
	"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",

	"default.replication.factor":                       "1",
	"offsets.topic.replication.factor":                 "1",
	"offsets.topic.num.partitions":                     "2",
	"transaction.state.log.replication.factor":         "1",
	"transaction.state.log.min.isr":                    "1",
	"transaction.state.log.num.partitions":             "2",
	"share.coordinator.state.topic.num.partitions":     "1",
	"share.coordinator.state.topic.min.isr":            "1",
	"share.coordinator.state.topic.replication.factor": "1",

	"group.initial.rebalance.delay.ms": "0",
	"group.min.session.timeout.ms":     "500",
	"auto.create.topics.enable":        "false", // a missing topic is a fault that tests want to see

	"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
}

func newConfig(opts []Option) config {
	c := config{settings: maps.Clone(testSettings), heap: "512m"}
	for _, o := range opts {
		o.apply(&c)
	}
	return c
}

// environment returns the variables that the image turns into settings: A_B for
// a.b, two underscores for one, and three for a hyphen.
func (c config) environment() map[string]string {
	env := map[string]string{"KAFKA_HEAP_OPTS": "-Xmx" + c.heap}
	escape := strings.NewReplacer(".", "_", "_", "__", "-", "___")
	for name, value := range c.settings {
		env["KAFKA_"+strings.ToUpper(escape.Replace(name))] = value
	}
	return env
}
