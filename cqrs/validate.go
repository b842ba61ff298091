package cqrs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Validator looks at a command before anything handles it, and returns all that is
// wrong.
type Validator func(Command) []Fault

// tags checks the validate tags of structs.
type tags struct{ v *validator.Validate }

func newTags() tags {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			return ""
		}
		return name
	})
	return tags{v}
}

// check returns what the tags of a payload find wrong, with the fields named as in JSON.
func (t tags) check(payload any) (faults []Fault) {
	v := reflect.ValueOf(payload)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	err := t.v.Struct(payload)
	found, ok := errors.AsType[validator.ValidationErrors](err)
	if err != nil && !ok {
		return []Fault{{Message: err.Error()}}
	}
	for _, one := range found {
		_, field, _ := strings.Cut(one.Namespace(), ".")
		faults = append(faults, Fault{field, breach(one)})
	}
	return faults
}

// breach says which rule a field breaks.
func breach(e validator.FieldError) string {
	if e.Tag() == "required" {
		return "it is required"
	}
	rule := e.Tag()
	if e.Param() != "" {
		rule += "=" + e.Param()
	}
	return fmt.Sprintf("%v does not meet %s", shortened(e.Value()), rule)
}

// shortened is a value for a message.
func shortened(v any) string {
	text := fmt.Sprintf("%#v", v)
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return text
}
