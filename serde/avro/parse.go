package avro

import (
	"errors"
	"fmt"

	tavro "github.com/twmb/avro"

	"github.com/tidemill/tidemill/serde"
)

var errNoText = errors.New("avro: no schema follows from this type: give one with avro.Text")

// parse compiles a schema after the schemas that it names.
func parse(s serde.Schema) (*tavro.Schema, error) {
	if s.Format != serde.FormatAvro {
		return nil, fmt.Errorf("avro: the schema is %s, not AVRO", s.Format)
	}
	var cache tavro.SchemaCache
	if err := parseReferences(&cache, s.References); err != nil {
		return nil, err
	}
	parsed, err := cache.Parse(s.Text)
	if err != nil {
		return nil, fmt.Errorf("avro: schema: %w", shortened{err})
	}
	return parsed, nil
}

func parseReferences(cache *tavro.SchemaCache, references []serde.Reference) error {
	for _, r := range references {
		if err := parseReferences(cache, r.Schema.References); err != nil {
			return err
		}
		if _, err := cache.Parse(r.Schema.Text); err != nil {
			return fmt.Errorf("avro: referenced schema %q: %w", r.Name, shortened{err})
		}
	}
	return nil
}

// fullName is the name of the record, with its namespace.
func fullName(s *tavro.Schema) string {
	root := s.Root()
	if root.Namespace == "" {
		return root.Name
	}
	return root.Namespace + "." + root.Name
}

// described returns the schema as others see it.
func (s settings) described() serde.Schema {
	return serde.Schema{Format: serde.FormatAvro, Text: s.text, References: s.references}
}
