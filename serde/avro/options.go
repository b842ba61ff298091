package avro

import (
	tavro "github.com/twmb/avro"

	"github.com/tidemill/tidemill/serde"
)

// Option changes how a serde is made.
type Option interface{ set(*settings) }

type settings struct {
	text       string
	names      []tavro.SchemaOpt
	references []serde.Reference
	single     bool
}

type option func(*settings)

func (o option) set(s *settings) { o(s) }

func settingsOf(options []Option) settings {
	var s settings
	for _, o := range options {
		o.set(&s)
	}
	return s
}

// Text gives the schema, as JSON, instead of letting it follow from the Go type.
// The fields of the struct are found by the tag `avro:"name"` or by their names.
func Text(schema string) Option { return option(func(s *settings) { s.text = schema }) }

// Namespace is the namespace of the records of a schema that follows from the Go
// type.
func Namespace(name string) Option {
	return option(func(s *settings) { s.names = append(s.names, tavro.WithNamespace(name)) })
}

// Name is the name of the record of a schema that follows from the Go type,
// which otherwise has the type's name.
func Name(name string) Option {
	return option(func(s *settings) { s.names = append(s.names, tavro.WithName(name)) })
}

// References are the schemas of types that [Text] names but does not define, each
// before those that name it.
func References(references ...serde.Reference) Option {
	return option(func(s *settings) { s.references = append(s.references, references...) })
}

// SingleObject puts the header of Avro's single-object encoding before each value:
// two bytes and the fingerprint of the schema. Data with another fingerprint is
// an error.
func SingleObject() Option { return option(func(s *settings) { s.single = true }) }
