package serde

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"strings"
)

// jsonError words an error of the json package so that it is the same in every
// process and quotes the record in excerpts only. The cause stays within reach
// of errors.Is and errors.As; its own text may quote more.
type jsonError struct {
	text  string
	cause error
}

func (e *jsonError) Error() string { return e.text }

func (e *jsonError) Unwrap() error { return e.cause }

// jsonFault wraps an error that encoding or decoding (verb) ended with.
func jsonFault(verb string, err error) error {
	text := verb + " JSON"
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		text += place(bad.JSONPointer, bad.ByteOffset) + reason(bad.Err)
	} else if bad, ok := errors.AsType[*json.SemanticError](err); ok {
		text += conversion(bad) + place(bad.JSONPointer, bad.ByteOffset) + reason(bad.Err)
	} else {
		text += reason(err)
	}
	return &jsonError{text: text, cause: err}
}

// conversion says what could not become what, as far as it is known.
func conversion(bad *json.SemanticError) string {
	var words []string
	if name, ok := kindNames[bad.JSONKind]; ok {
		words = append(words, name)
	}
	if bad.GoType != nil {
		words = append(words, excerpt(bad.GoType.String()))
	}
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " as ")
}

var kindNames = map[jsontext.Kind]string{
	'n': "null", 'f': "boolean", 't': "boolean", '"': "string", '0': "number",
	'{': "object", '}': "object", '[': "array", ']': "array",
}

// place says where in the text it happened. The pointer holds names of members,
// which may be data in a map.
func place(pointer jsontext.Pointer, offset int64) string {
	if pointer == "" {
		return fmt.Sprintf(" at byte %d", offset)
	}
	return fmt.Sprintf(" at %q, byte %d", excerpt(string(pointer)), offset)
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return ": " + excerpt(err.Error())
}
