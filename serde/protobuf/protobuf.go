package protobuf

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/tidemill/tidemill/serde"
)

// ErrMalformed is what errors wrap if data is no protobuf message: it is damaged or
// truncated, or has a header that somebody has to take off before.
var ErrMalformed = errors.New("the data is no protobuf message of this type")

var errNil = errors.New("encode protobuf: a nil message has no encoding")

// Of returns the Serde of a generated message, such as *pb.Order. Maps are written
// in the order of their keys, so that equal messages have equal bytes and can be
// keys themselves. Unknown fields are kept.
//
// It is a [serde.Described], safe for concurrent use, and a fault if T is not the
// pointer to a generated message. Decoded messages share no memory with the data.
func Of[T proto.Message](options ...Option) serde.Serde[T] {
	var none T
	_, dynamic := any(none).(*dynamicpb.Message) // each has a type of its own
	if t := reflect.TypeFor[T](); dynamic || t.Kind() != reflect.Pointer {
		return serde.Fault[T](fmt.Errorf("protobuf: %s is no generated message: use one, such as *pb.Order", t))
	}
	kind := none.ProtoReflect().Type()
	schema := describe(kind.Descriptor())
	for _, o := range options {
		o.set(&schema)
	}
	return &messages[T]{kind, schema}
}

// Option changes the schema that others are told of.
type Option interface{ set(*serde.Schema) }

type source struct {
	text       string
	references []serde.Reference
}

func (s source) set(schema *serde.Schema) { schema.Text, schema.References = s.text, s.references }

// Source gives the text of the .proto file that the message stems from, embedded
// in the program as a rule, and what it imports. Without it the schema's text is
// the file's descriptor in base64, which registries understand too.
func Source(text string, references ...serde.Reference) Option { return source{text, references} }

type messages[T proto.Message] struct {
	kind   protoreflect.MessageType
	schema serde.Schema
}

func (s *messages[T]) Append(dst []byte, v T) ([]byte, error) {
	if !v.ProtoReflect().IsValid() {
		return dst, errNil
	}
	out, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, v)
	if err != nil {
		return dst, fmt.Errorf("encode protobuf: %w", err)
	}
	return out, nil
}

func (s *messages[T]) Decode(data []byte) (none T, err error) {
	v := s.kind.New().Interface()
	if err := proto.Unmarshal(data, v); err != nil {
		return none, fmt.Errorf("decode protobuf: %w (%s): %w", ErrMalformed, s.schema.Record, err)
	}
	return v.(T), nil
}

// Schema returns the schema of the file that the message stems from.
func (s *messages[T]) Schema() (serde.Schema, error) { return s.schema, nil }

// ForWriter returns the same Serde for any other protobuf schema: fields are found by
// their numbers.
func (s *messages[T]) ForWriter(writer serde.Schema) (serde.Serde[T], error) {
	if writer.Format != serde.FormatProtobuf {
		return nil, fmt.Errorf("protobuf: the schema is %s, not PROTOBUF", writer.Format)
	}
	return s, nil
}

func describe(m protoreflect.MessageDescriptor) serde.Schema {
	out := describeFile(m.ParentFile())
	out.Record = string(m.FullName())
	for d := protoreflect.Descriptor(m); ; d = d.Parent() {
		if _, file := d.(protoreflect.FileDescriptor); file {
			return out
		}
		out.Index = append([]int{d.Index()}, out.Index...)
	}
}

// describeFile leaves out what Google's own files contain: registries have them.
func describeFile(file protoreflect.FileDescriptor) serde.Schema {
	// A descriptor consists of strings and numbers that were encoded before.
	data, _ := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(file))
	out := serde.Schema{Format: serde.FormatProtobuf, Text: base64.StdEncoding.EncodeToString(data)}
	for i := range file.Imports().Len() {
		imported := file.Imports().Get(i)
		if strings.HasPrefix(imported.Path(), "google/protobuf/") {
			continue
		}
		out.References = append(out.References, serde.Reference{Name: imported.Path(), Schema: describeFile(imported.FileDescriptor)})
	}
	return out
}
