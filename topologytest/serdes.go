package topologytest

import (
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// SerdeOption chooses how a topic is encoded.
type SerdeOption struct{ apply func(*serdes) }

type serdes struct{ key, value any }

// KeySerde chooses how keys are encoded, instead of what the topology does.
func KeySerde[K any](s serde.Serde[K]) SerdeOption {
	return SerdeOption{func(o *serdes) { o.key = s }}
}

// ValueSerde chooses how values are encoded, instead of what the topology does.
func ValueSerde[V any](s serde.Serde[V]) SerdeOption {
	return SerdeOption{func(o *serdes) { o.value = s }}
}

// serdesOf are the serdes for a topic: the chosen ones, else the topology's own if
// they are for these types, else those that follow from the types.
func serdesOf[K, V any](d *Driver, topic string, options []SerdeOption) (serde.Serde[K], serde.Serde[V], error) {
	var chosen serdes
	for _, o := range options {
		o.apply(&chosen)
	}
	ownKey, ownValue := d.plan.Serdes(topic)
	key, err := pick[K](topic, "key", chosen.key, ownKey)
	if err != nil {
		return nil, nil, err
	}
	value, err := pick[V](topic, "value", chosen.value, ownValue)
	return key, value, err
}

func pick[T any](topic, part string, chosen, own any) (serde.Serde[T], error) {
	if s, ok := chosen.(serde.Serde[T]); ok {
		return s, nil
	}
	if chosen != nil {
		var none T
		return nil, fmt.Errorf("topologytest: topic %q: the chosen %s serde is a %T, which is not for %T", topic, part, chosen, none)
	}
	if s, ok := own.(serde.Serde[T]); ok {
		return s, nil
	}
	s, err := serde.Of[T]()
	if err != nil {
		return nil, fmt.Errorf("topologytest: topic %q: no serde for the %s: %w", topic, part, err)
	}
	return s, nil
}
