package serde

import "reflect"

// Bool returns the Serde of Kafka's BooleanSerializer: one byte, 1 for true and
// 0 for false. Any other byte is an error.
func Bool() Serde[bool] {
	l, _ := layoutOf(reflect.TypeFor[bool]())
	return boolean{l}
}

type boolean struct{ layout }

func (boolean) Append(dst []byte, v bool) ([]byte, error) { return append(dst, bit(v)), nil }

func (s boolean) Decode(data []byte) (bool, error) { return s.boolean(data) }
