package jsonschema

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidemill/tidemill/serde"
)

// ErrInvalid is what errors wrap if a value does not follow the schema.
var ErrInvalid = errors.New("the value does not follow its JSON schema")

// Of returns the Serde that writes T as [serde.JSON] does, and checks what is written
// and read against a schema. The schema may refer to those given as references, by
// their names; nothing is loaded from files or from the network.
//
// It is a [serde.Described], safe for concurrent use, and a fault if the schema is
// none. The check is made on a decoded copy, so that it costs several times what the
// JSON itself does.
func Of[T any](schema string, references ...serde.Reference) serde.Serde[T] {
	described := serde.Schema{Format: serde.FormatJSON, Text: schema, References: references}
	compiled, title, err := compile(described)
	if err != nil {
		return serde.Fault[T](err)
	}
	described.Record = title
	return &checked[T]{described, compiled, serde.JSON[T]()}
}

type checked[T any] struct {
	described serde.Schema
	schema    *jsonschema.Schema
	json      serde.Serde[T]
}

func (s *checked[T]) Append(dst []byte, v T) ([]byte, error) {
	out, err := s.json.Append(dst, v)
	if err != nil {
		return dst, err
	}
	if err := check(s.schema, out[len(dst):]); err != nil {
		return dst, fmt.Errorf("encode JSON: %w", err)
	}
	return out, nil
}

func (s *checked[T]) Decode(data []byte) (T, error) {
	v, err := s.json.Decode(data)
	if err == nil {
		err = check(s.schema, data)
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("decode JSON: %w", err)
	}
	return v, nil
}

// Schema returns the schema that values have to follow.
func (s *checked[T]) Schema() (serde.Schema, error) { return s.described, nil }

// ForWriter returns the same Serde for any other JSON schema: what is read has to
// follow the schema of the reader.
func (s *checked[T]) ForWriter(writer serde.Schema) (serde.Serde[T], error) {
	if writer.Format != serde.FormatJSON {
		return nil, fmt.Errorf("jsonschema: the schema is %s, not JSON", writer.Format)
	}
	return s, nil
}

// check says where a value is wrong and which rule it breaks, without quoting it.
func check(schema *jsonschema.Schema, data []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	err = schema.Validate(v)
	if err == nil {
		return nil
	}
	fault, is := errors.AsType[*jsonschema.ValidationError](err)
	if !is {
		return ErrInvalid
	}
	for len(fault.Causes) > 0 {
		fault = fault.Causes[0]
	}
	where := "/" + strings.Join(fault.InstanceLocation, "/")
	return fmt.Errorf("%w: at %.80s: breaks the rule %.80s", ErrInvalid, where, strings.Join(fault.ErrorKind.KeywordPath(), "/"))
}

// root is the name of the schema itself among those that it refers to.
const root = "schema:root"

func compile(s serde.Schema) (*jsonschema.Schema, string, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	if err := addReferences(c, s.References); err != nil {
		return nil, "", err
	}
	if err := add(c, root, s.Text); err != nil {
		return nil, "", err
	}
	compiled, err := c.Compile(root)
	if err != nil {
		return nil, "", fmt.Errorf("jsonschema: %w", err)
	}
	return compiled, compiled.Title, nil
}

func addReferences(c *jsonschema.Compiler, references []serde.Reference) error {
	for _, r := range references {
		if err := addReferences(c, r.Schema.References); err != nil {
			return err
		}
		if err := add(c, r.Name, r.Schema.Text); err != nil {
			return err
		}
	}
	return nil
}

func add(c *jsonschema.Compiler, name, text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("jsonschema: %s is no JSON: %w", name, err)
	}
	if err := c.AddResource(name, doc); err != nil {
		return fmt.Errorf("jsonschema: %s: %w", name, err)
	}
	return nil
}

// nothing loads no schema: those that are needed have to be given.
type nothing struct{}

var errNotGiven = errors.New("it is not among the references that were given")

func (nothing) Load(string) (any, error) { return nil, errNotGiven }
