package serde

import (
	"encoding/binary"
	"reflect"
)

// layout is how a type with a fixed encoding is laid out: its kind, its size in
// bytes (0 where the length is free) and its name for errors.
type layout struct {
	kind reflect.Kind
	size int
	name string
}

// layoutOf returns the layout of t and whether it has one of its own, which
// strings, byte slices, booleans and numbers have. int and uint take 8 bytes on
// every platform.
func layoutOf(t reflect.Type) (layout, bool) {
	out := layout{kind: t.Kind(), name: t.String()}
	switch t.Kind() {
	case reflect.String:
	case reflect.Slice:
		return out, t.Elem() == reflect.TypeFor[byte]()
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		out.size = 1
	case reflect.Int16, reflect.Uint16:
		out.size = 2
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		out.size = 4
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Float64:
		out.size = 8
	default:
		return layout{}, false
	}
	return out, true
}

// appendFixed appends the low size bytes of bits, big-endian.
func appendFixed(dst []byte, size int, bits uint64) []byte {
	switch size {
	case 1:
		return append(dst, byte(bits))
	case 2:
		return binary.BigEndian.AppendUint16(dst, uint16(bits))
	case 4:
		return binary.BigEndian.AppendUint32(dst, uint32(bits))
	}
	return binary.BigEndian.AppendUint64(dst, bits)
}

// fixed reads what appendFixed wrote, without extending a sign.
func (l layout) fixed(data []byte) (uint64, error) {
	if len(data) != l.size {
		return 0, wrongLength(l.name, l.size, len(data))
	}
	switch l.size {
	case 1:
		return uint64(data[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(data)), nil
	case 4:
		return uint64(binary.BigEndian.Uint32(data)), nil
	}
	return binary.BigEndian.Uint64(data), nil
}

// boolean reads a boolean: one byte, 0 or 1, and nothing else.
func (l layout) boolean(data []byte) (bool, error) {
	if len(data) != 1 {
		return false, wrongLength(l.name, 1, len(data))
	}
	if data[0] > 1 {
		return false, wrongBool(l.name, data[0])
	}
	return data[0] == 1, nil
}

// bit is the encoding of a boolean.
func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
