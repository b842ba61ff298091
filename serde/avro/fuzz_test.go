package avro_test

import (
	"bytes"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/serde/avro"
)

// Any bytes are refused or read; what was read is written, and read the same.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(unhex(f, v.Hex))
	}
	schema, _ := javaOrder(f)
	typed := avro.Of[order](avro.Text(schema))
	generic := avro.Generic(schema)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, fault := stable(t, typed, data)
		g, _ := stable(t, generic, data)
		if g == nil || fault != nil {
			return
		}
		if _, err := typed.Decode(g); err != nil {
			t.Errorf("what goavro writes as %x, the struct cannot read: %v", g, err)
		}
	})
}

// stable returns what data looks like after two rounds; a map has no order, so its
// entries may change places.
func stable[T any](t *testing.T, s serde.Serde[T], data []byte) ([]byte, error) {
	kept := bytes.Clone(data)
	v, err := s.Decode(data)
	if !bytes.Equal(kept, data) {
		t.Fatal("decoding changed the data")
	}
	if err != nil {
		return nil, err
	}
	out, err := s.Append(nil, v)
	if err != nil {
		return nil, err // read liberally, such as a time that has no number
	}
	again, err := s.Decode(out)
	if err != nil {
		t.Fatalf("%x was read, written as %x, and not read again: %v", data, out, err)
	}
	twice, err := s.Append(nil, again)
	if err != nil || len(twice) != len(out) {
		t.Fatalf("%x was written as %x and then as %x, %v", data, out, twice, err)
	}
	return out, nil
}
