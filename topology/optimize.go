package topology

import (
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// BuilderOption is an option of New.
type BuilderOption interface{ build(*Builder) }

// Optimization is a way to make do with fewer internal topics or stores. It changes which
// topics there are, so an application that has run without it has to be reset, or
// drained, before it runs with it.
type Optimization uint8

const (
	// ReuseSourceTopics has the topic that Table reads be the changelog of its store,
	// instead of a copy of it. The topic has to be compacted, or keep all records. A
	// store that is lost is restored from the topic up to where its task has come,
	// with records that cannot be decoded handled by the policy for decoding: they
	// end the worker with the policy Fail, and are left out with any other. A record
	// that the policy for processing left behind is a row all the same after that.
	//
	// A table keeps its changelog if it takes Timestamps from its records, begins
	// FromLatest or has a TimeToLive: the topic does not tell its rows then.
	ReuseSourceTopics Optimization = 1 + iota
	// MergeRepartitions sends what a Map, FlatMap, SelectKey or GroupBy makes through
	// one repartition topic, right behind it, instead of one for each operation
	// further on that needs records partitioned by key. It is named after the first
	// of these. Filters in between come after the topic then. What needs other values
	// than those, behind a MapValues, keeps a topic of its own.
	MergeRepartitions
	// SingleStoreJoins has every JoinStream of a stream with itself keep its records
	// once, as with the option SingleStore. One with OnLate keeps both its stores.
	SingleStoreJoins
)

// OptimizeOption is an option of New.
type OptimizeOption []Optimization

// Optimize turns optimizations on, all of them if none is named (Kafka Streams'
// topology.optimization). None is on by default.
func Optimize(these ...Optimization) OptimizeOption {
	if len(these) == 0 {
		these = []Optimization{ReuseSourceTopics, MergeRepartitions, SingleStoreJoins}
	}
	return these
}

func (o OptimizeOption) build(b *Builder) {
	for _, one := range o {
		switch one {
		case ReuseSourceTopics:
			b.reuse = true
		case MergeRepartitions:
			b.mergeTopics = true
		case SingleStoreJoins:
			b.singleStores = true
		default:
			b.fault("Optimize: there is no optimization %d: use the constants of this package", one)
		}
	}
}

// reused is the topic that the store of a table is restored from, or empty if the
// store needs a changelog.
func (b *Builder) reused(topic string, s settings) string {
	if !b.reuse || s.timestamps != nil || s.fromLatest || s.mortal {
		return ""
	}
	return topic
}

// recoded makes of the records of a source topic what the store of its table has for
// them. They are not always the same bytes, since one value may have several
// encodings.
func recoded[K, V any](key serde.Serde[K], value serde.Serde[V]) func(k, v []byte) ([]byte, []byte, error) {
	isNil, ok := serde.Nilable[V]()
	if !ok {
		isNil = func(V) bool { return false }
	}
	return func(k, v []byte) (_, _ []byte, err error) {
		out := make([]byte, 0, len(k)+len(v))
		typed, err := key.Decode(k)
		if err == nil {
			out, err = key.Append(out, typed)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("key: %w", err)
		}
		n := len(out)
		if v == nil {
			return out, nil, nil
		}
		row, err := value.Decode(v)
		if err != nil {
			return nil, nil, fmt.Errorf("value: %w", err)
		}
		if isNil(row) {
			return out, nil, nil
		}
		if out, err = value.Append(out, row); err != nil {
			return nil, nil, fmt.Errorf("value: %w", err)
		}
		return out[:n:n], out[n:], nil
	}
}
