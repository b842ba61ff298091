package registry

import "fmt"

// Strategy names the subject of a schema, by the topic and by the full name of the
// record that it describes, which may be empty.
type Strategy func(topic string, key bool, record string) (string, error)

// TopicName is the strategy that gives each topic one schema for its keys and one for
// its values: orders-key, orders-value. It is the default.
func TopicName(topic string, key bool, _ string) (string, error) {
	if topic == "" {
		return "", fmt.Errorf("a subject by the topic's name needs a topic known beforehand: use RecordName")
	}
	if key {
		return topic + "-key", nil
	}
	return topic + "-value", nil
}

// RecordName is the strategy that gives each record type a subject, in whichever topics
// it is: shop.Order.
func RecordName(_ string, _ bool, record string) (string, error) {
	if record == "" {
		return "", fmt.Errorf("a subject by the record's name needs a schema that has one: use TopicName")
	}
	return record, nil
}

// TopicRecordName is the strategy that gives each record type a subject in each topic:
// orders-shop.Order.
func TopicRecordName(topic string, key bool, record string) (string, error) {
	if _, err := TopicName(topic, key, record); err != nil {
		return "", err
	}
	name, err := RecordName(topic, key, record)
	return topic + "-" + name, err
}

// Option changes how one serde uses its registry.
type Option func(*settings)

type settings struct {
	strategy Strategy
	lookup   bool
	readOnly bool
}

// Subjects chooses how subjects are named.
func Subjects(s Strategy) Option { return func(to *settings) { to.strategy = s } }

// Lookup registers nothing: a schema that is not there yet is [ErrNotRegistered] when the
// serde is bound. It is for registries that are filled by a deployment.
func Lookup() Option { return func(to *settings) { to.lookup = true } }

// ReadOnly is for topics that are only read: nothing is looked up or registered, and the
// serde does not write. Binding it checks that the newest schema of the subject can be read.
func ReadOnly() Option { return func(to *settings) { to.readOnly = true } }
