package avro

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/linkedin/goavro/v2"
	tavro "github.com/twmb/avro"

	"github.com/tidemill/tidemill/serde"
)

// Generic returns the Serde of values that have no Go type of their own: records
// and maps are map[string]any, arrays []any, and a union is nil or a map of one
// entry, from the name of the branch to the value, as goavro has them. Logical
// types have their Go types (time.Time, *big.Rat). It takes the option
// [References]; a field with a default may be left out.
//
// What ForWriter returns gives values as the writer's schema describes them: there
// is no type that they would have to be brought into.
func Generic(schema string, options ...Option) serde.Serde[any] {
	set := settingsOf(append(options, Text(schema)))
	s, err := genericOf(set.described(), set.single)
	if err != nil {
		return serde.Fault[any](err)
	}
	return s
}

type generic struct {
	described serde.Schema
	writes    *goavro.Codec
	reads     *goavro.Codec
	checks    *tavro.Schema // of reads
	header    []byte        // of the single-object encoding, or nothing
	want      []byte        // the header of what is read
}

func genericOf(described serde.Schema, single bool) (*generic, error) {
	schema, err := parse(described)
	if err != nil {
		return nil, err
	}
	// The parsed schema contains what it refers to.
	codec, err := goavro.NewCodec(schema.String())
	if err != nil {
		return nil, fmt.Errorf("avro: schema: %w", shortened{err})
	}
	described.Record = fullName(schema)
	header := headerOf(schema, single)
	return &generic{described, codec, codec, schema, header, header}, nil
}

// headerOf is the header of the single-object encoding. It is not goavro's, whose
// fingerprint counts attributes in that do not belong into it.
func headerOf(schema *tavro.Schema, single bool) []byte {
	if !single {
		return nil
	}
	hash := tavro.NewRabin()
	hash.Write(schema.Canonical())
	return binary.LittleEndian.AppendUint64([]byte{0xc3, 0x01}, hash.Sum64())
}

func (s *generic) Append(dst []byte, v any) ([]byte, error) {
	out, err := s.writes.BinaryFromNative(append(dst, s.header...), v)
	if err != nil {
		return dst, fmt.Errorf("encode Avro: %w", shortened{err})
	}
	return out, nil
}

// Decode checks the data first: goavro believes the length that an array or a map
// says it has, and would allocate gigabytes for a damaged byte. It decodes a copy,
// since its byte slices share memory with what they were read from.
func (s *generic) Decode(data []byte) (any, error) {
	body, found := bytes.CutPrefix(data, s.want)
	if !found {
		return nil, fmt.Errorf("decode Avro: the header and fingerprint of the schema are not %x", s.want)
	}
	var checked any
	rest, err := s.checks.Decode(body, &checked)
	if err != nil {
		return nil, decodeError(err)
	}
	if len(rest) > 0 {
		return nil, trailing(rest)
	}
	v, rest, err := s.reads.NativeFromBinary(bytes.Clone(body))
	if err != nil {
		return nil, fmt.Errorf("decode Avro: %w", shortened{err})
	}
	if len(rest) > 0 {
		return nil, trailing(rest)
	}
	return v, nil
}

// Schema returns the schema that values are written with.
func (s *generic) Schema() (serde.Schema, error) { return s.described, nil }

// ForWriter returns the Serde that reads what was written with another schema.
func (s *generic) ForWriter(writer serde.Schema) (serde.Serde[any], error) {
	read, err := genericOf(writer, s.want != nil)
	if err != nil {
		return nil, err
	}
	other := *s
	other.reads, other.checks, other.want = read.reads, read.checks, read.want
	return &other, nil
}
