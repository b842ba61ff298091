package upcast

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"strconv"
)

// Fields are the members of a payload. They are kept as JSON text, so that what no
// step touches stays as it was written, numbers of any size included.
type Fields map[string]jsontext.Value

// Get is the value of a field and whether there is one that is not null.
func (f Fields) Get[T any](name string) (v T, ok bool, err error) {
	raw, ok := f[name]
	if !ok || raw.Kind() == 'n' {
		return v, false, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, false, fmt.Errorf("field %q: %w", name, err)
	}
	return v, true, nil
}

// Set sets a field.
func (f Fields) Set(name string, v any) error {
	raw, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("field %q: %w", name, err)
	}
	f[name] = raw
	return nil
}

func parse(data []byte) (Fields, error) {
	var f Fields
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if f == nil {
		return nil, fmt.Errorf("%w: it is null", ErrPayload)
	}
	return f, nil
}

// Step changes the fields of a payload by a part of what distinguishes two versions.
// A function of this type is a step of one's own.
type Step func(Fields) error

// Rename gives a field another name. A payload that has both is an error, since one
// of the two values would be lost.
func Rename(from, to string) Step {
	return func(f Fields) error {
		value, ok := f[from]
		if !ok {
			return nil
		}
		if _, taken := f[to]; taken {
			return fmt.Errorf("rename %q: there is a field %q already", from, to)
		}
		delete(f, from)
		f[to] = value
		return nil
	}
}

// Default adds a field with a value, where there is none.
func Default(name string, value any) Step {
	return func(f Fields) error {
		if _, ok := f[name]; ok {
			return nil
		}
		return f.Set(name, value)
	}
}

// Remove removes a field.
func Remove(name string) Step {
	return func(f Fields) error {
		delete(f, name)
		return nil
	}
}

// Split replaces a field by the fields that by makes of its value. Where the field is
// missing or null, nothing happens.
func Split[T any](name string, by func(T) (map[string]any, error)) Step {
	return func(f Fields) error {
		value, ok, err := f.Get[T](name)
		if err != nil || !ok {
			return err
		}
		parts, err := by(value)
		if err != nil {
			return fmt.Errorf("split %q: %w", name, err)
		}
		delete(f, name)
		for part, v := range parts {
			if _, taken := f[part]; taken {
				return fmt.Errorf("split %s: there is a field %q already", strconv.Quote(name), part)
			}
			if err := f.Set(part, v); err != nil {
				return err
			}
		}
		return nil
	}
}

// MapValue replaces the value of a field, if it has one that is not null.
func MapValue[T, T2 any](name string, by func(T) (T2, error)) Step {
	return func(f Fields) error {
		value, ok, err := f.Get[T](name)
		if err != nil || !ok {
			return err
		}
		changed, err := by(value)
		if err != nil {
			return fmt.Errorf("map %q: %w", name, err)
		}
		return f.Set(name, changed)
	}
}
