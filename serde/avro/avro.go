package avro

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	tavro "github.com/twmb/avro"

	"github.com/tidemill/tidemill/serde"
)

// Of returns the Serde of a Go type, a struct as a rule, or a pointer to one. If no
// [Text] is given, the schema follows from the struct: a pointer is a union with
// null, time.Time a timestamp-millis, and the tag `avro:"name,default=0"` names a
// field and says what readers of older data see.
//
// With a schema and a type that do not fit each other the Serde is a fault. It is
// a [serde.Described], and safe for concurrent use. Decoded values share no memory
// with the data.
func Of[T any](options ...Option) serde.Serde[T] {
	set := settingsOf(options)
	schema, err := schemaOf[T](&set)
	if err != nil {
		return serde.Fault[T](err)
	}
	s := &values[T]{
		described: set.described(), schema: schema, reads: schema, single: set.single,
		pointer: reflect.TypeFor[T]().Kind() == reflect.Pointer,
		pool:    &sync.Pool{New: func() any { return new(T) }},
	}
	s.described.Record = fullName(schema)
	if err := s.fits(); err != nil {
		return serde.Fault[T](err)
	}
	return s
}

func schemaOf[T any](set *settings) (*tavro.Schema, error) {
	if set.text != "" {
		return parse(set.described())
	}
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w (%s)", errNoText, t)
	}
	schema, err := infer[T](set.names)
	if err != nil {
		return nil, fmt.Errorf("avro: no schema follows from %s: %w; give one with avro.Text", t, shortened{err})
	}
	set.text = schema.String()
	return schema, nil
}

// infer finds the schema of a struct, or of one behind a pointer.
func infer[T any](names []tavro.SchemaOpt) (*tavro.Schema, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Pointer {
		return tavro.SchemaFor[T](names...)
	}
	return nil, errors.New("it is a pointer: use serde.Pointer(avro.Of[" + t.Elem().String() + "]())")
}

// values encodes the values of one Go type.
type values[T any] struct {
	described serde.Schema
	schema    *tavro.Schema // written
	reads     *tavro.Schema // resolved against what wrote the data
	single    bool
	pointer   bool
	pool      *sync.Pool // of *T, since a value passed as an interface is allocated
}

// fits finds out whether the Go type has a place for what the schema describes:
// decoding nothing reports a type that does not fit before it runs out of data.
func (s *values[T]) fits() error {
	var v T
	_, err := s.reads.Decode(nil, &v)
	if _, short := errors.AsType[*tavro.ShortBufferError](err); err == nil || short {
		return nil
	}
	return fmt.Errorf("avro: the schema and the Go type do not fit: %w", shortened{err})
}

func (s *values[T]) Append(dst []byte, v T) ([]byte, error) {
	if s.pointer {
		return s.append(dst, v)
	}
	box := s.pool.Get().(*T)
	*box = v
	out, err := s.append(dst, box)
	var none T
	*box = none
	s.pool.Put(box)
	return out, err
}

func (s *values[T]) append(dst []byte, v any) (out []byte, err error) {
	if s.single {
		out, err = s.schema.AppendSingleObject(dst, v)
	} else {
		out, err = s.schema.AppendEncode(dst, v)
	}
	if err != nil {
		return dst, fmt.Errorf("encode Avro: %w", shortened{err})
	}
	return out, nil
}

func (s *values[T]) Decode(data []byte) (T, error) {
	var v, none T
	var rest []byte
	var err error
	if s.single {
		rest, err = s.reads.DecodeSingleObject(data, &v)
	} else {
		rest, err = s.reads.Decode(data, &v)
	}
	if err != nil {
		return none, decodeError(err)
	}
	if len(rest) > 0 {
		return none, trailing(rest)
	}
	return v, nil
}

// decodeError tells data that is too short from other faults. A block that claims to
// have more items than there are bytes has no error type of its own below.
func decodeError(err error) error {
	_, short := errors.AsType[*tavro.ShortBufferError](err)
	if short || strings.Contains(err.Error(), "exceeds remaining buffer length") {
		return fmt.Errorf("decode Avro: %w: %w", ErrTruncated, shortened{err})
	}
	return fmt.Errorf("decode Avro: %w", shortened{err})
}

// Schema returns the schema that values are written with.
func (s *values[T]) Schema() (serde.Schema, error) { return s.described, nil }

// ForWriter returns the Serde that reads what was written with another schema.
func (s *values[T]) ForWriter(writer serde.Schema) (serde.Serde[T], error) {
	written, err := parse(writer)
	if err != nil {
		return nil, err
	}
	resolved, err := tavro.Resolve(written, s.schema)
	if err != nil {
		return nil, fmt.Errorf("avro: what was written cannot be read: %w", shortened{err})
	}
	other := *s
	other.reads = resolved
	return &other, nil
}
