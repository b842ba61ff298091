package serde

import (
	"encoding"
	"encoding/json/v2"
	"errors"
	"fmt"
	"reflect"
	"time"
	"uuid"
)

// shape is what inspect learned about a type that is to be written as JSON.
type shape struct {
	// methods says that methods of the user take part in reading it.
	methods bool
}

// inspect walks through t and every type in it, and returns an error for the
// first that JSON cannot write and read again.
func inspect(t reflect.Type) (shape, error) {
	w := walk{root: t, seen: map[reflect.Type]bool{}}
	err := w.visit(t, "")
	return shape{methods: w.methods}, err
}

// walk goes through a type once, however often the type contains itself.
type walk struct {
	root    reflect.Type
	seen    map[reflect.Type]bool
	methods bool
}

// visit checks t, found at path below the type that the walk began with. It goes
// on after an error in order to know about every method.
func (w *walk) visit(t reflect.Type, path string) error {
	if w.seen[t] {
		return nil
	}
	w.seen[t] = true
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer {
		writes, reads := methodsOf(t)
		w.methods = w.methods || reads && t != timeType && t != uuidType
		if writes && reads {
			return nil
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return w.visit(t.Elem(), path)
	case reflect.Map:
		return first(w.visitKey(t.Key(), path), w.visit(t.Elem(), path))
	case reflect.Struct:
		return w.visitStruct(t, path)
	}
	if why := unfit(t); why != "" {
		return fmt.Errorf("%s%s", w.at(t, path), why)
	}
	return nil
}

// visitStruct leaves it to the json package to judge names and tags, which it
// does when it first meets the struct, and looks at the types of the fields.
func (w *walk) visitStruct(t reflect.Type, path string) error {
	var fault error
	if _, reads := methodsOf(t); !reads {
		bad, is := errors.AsType[*json.SemanticError](json.Unmarshal([]byte("{}"), reflect.New(t).Interface()))
		if is {
			fault = fmt.Errorf("%s cannot be written: %w", w.at(t, path), bad.Err)
		}
	}
	for field := range t.Fields() {
		if field.Tag.Get("json") == "-" || !field.IsExported() && !field.Anonymous {
			continue
		}
		if field.Anonymous && !field.IsExported() && field.Type.Kind() == reflect.Pointer {
			fault = first(fault, fmt.Errorf("%s embeds a pointer to an unexported type, which reading could not set", w.at(t, path)))
		}
		below := field.Name
		if path != "" {
			below = path + "." + field.Name
		}
		fault = first(fault, w.visit(field.Type, below))
	}
	return fault
}

// visitKey checks the key of a map, which JSON writes as a string.
func (w *walk) visitKey(t reflect.Type, path string) error {
	writes, reads := methodsOf(t)
	w.methods = w.methods || reads && t != timeType && t != uuidType
	if l, ok := layoutOf(t); writes && reads || ok && l.kind != reflect.Bool && l.kind != reflect.Slice {
		return nil
	}
	return fmt.Errorf("%s cannot be the key of a map in JSON", w.at(t, path))
}

// unfit says why no value of this kind can be written, or nothing.
func unfit(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128:
		return " has no form in JSON"
	case reflect.UnsafePointer, reflect.Uintptr:
		return " is an address, which means nothing outside of this process"
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return " is an interface with methods, and reading could not tell which type to make"
		}
	}
	if t == reflect.TypeFor[time.Duration]() {
		return " has no form in JSON (use an integer, or serde.JSON with the option json.FormatDurationAsNano of encoding/json)"
	}
	return ""
}

// at names a type and where it was found; the one the walk began with is "it".
func (w *walk) at(t reflect.Type, path string) string {
	switch {
	case t == w.root:
		return "it"
	case path == "":
		return "its " + excerpt(t.String())
	}
	return fmt.Sprintf("field %s: %s", path, excerpt(t.String()))
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

var (
	timeType = reflect.TypeFor[time.Time]()
	uuidType = reflect.TypeFor[uuid.UUID]()

	writers = []reflect.Type{
		reflect.TypeFor[json.MarshalerTo](), reflect.TypeFor[json.Marshaler](),
		reflect.TypeFor[encoding.TextAppender](), reflect.TypeFor[encoding.TextMarshaler](),
	}
	readers = []reflect.Type{
		reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[json.Unmarshaler](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

// methodsOf says whether t, or a pointer to it, has a method that the json
// package writes it with, and one that it reads it with.
func methodsOf(t reflect.Type) (writes, reads bool) {
	p := reflect.PointerTo(t)
	for _, one := range writers {
		writes = writes || p.Implements(one)
	}
	for _, one := range readers {
		reads = reads || p.Implements(one)
	}
	return writes, reads
}
