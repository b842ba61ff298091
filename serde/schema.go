package serde

import "errors"

// The formats of schemas, by the names that schema registries use.
const (
	FormatAvro     = "AVRO"
	FormatProtobuf = "PROTOBUF"
	FormatJSON     = "JSON"
)

// Schema describes data in one of the formats.
type Schema struct {
	// Format is FormatAvro, FormatProtobuf or FormatJSON.
	Format string
	// Text is the schema itself.
	Text string
	// Record is the full name of the record or message that is described, if it
	// has one.
	Record string
	// Index is where a protobuf message stands in its file: the number of the
	// message at the top, then that of each message nested in it.
	Index []int
	// References are the schemas that Text names, in the order in which they have
	// to be read.
	References []Reference
}

// Reference is a schema that another one names.
type Reference struct {
	// Name is what the other calls it: the full name of an Avro type, the path of
	// a protobuf import, the URL of a JSON schema.
	Name   string
	Schema Schema
}

// Described is implemented by a Serde that follows a schema, so that a schema
// registry can hold it.
type Described[T any] interface {
	Serde[T]
	// Schema returns the schema that values are written with.
	Schema() (Schema, error)
	// ForWriter returns the Serde that decodes what was written with another
	// schema, or an error if that cannot be read.
	ForWriter(writer Schema) (Serde[T], error)
}

// Fault returns the Serde whose every use gives err, being bound to a topic
// included: what is wrong is reported when a topology is built, and a Serde can
// be made in the middle of an expression.
func Fault[T any](err error) Serde[T] { return fault[T]{err} }

type fault[T any] struct{ err error }

func (s fault[T]) Append(dst []byte, _ T) ([]byte, error) { return dst, s.err }

func (s fault[T]) Decode([]byte) (none T, err error) { return none, s.err }

func (s fault[T]) ForTopic(string, bool) (Serde[T], error) { return nil, s.err }

func (s fault[T]) Schema() (Schema, error) { return Schema{}, s.err }

func (s fault[T]) ForWriter(Schema) (Serde[T], error) { return nil, s.err }

// Schema describes what the pointer points to.
func (s pointer[T]) Schema() (Schema, error) {
	if elem, ok := s.elem.(Described[T]); ok {
		return elem.Schema()
	}
	return Schema{}, errNoSchema
}

// ForWriter returns a pointer to what elem reads for that writer.
func (s pointer[T]) ForWriter(writer Schema) (Serde[*T], error) {
	described, ok := s.elem.(Described[T])
	if !ok {
		return nil, errNoSchema
	}
	elem, err := described.ForWriter(writer)
	if err != nil {
		return nil, err
	}
	return pointer[T]{elem}, nil
}

var errNoSchema = errors.New("this serde follows no schema")
