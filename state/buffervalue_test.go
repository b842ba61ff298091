package state

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
)

// bufferVectors are what Kafka Streams 4.3.1 wrote.
var bufferVectors = []struct {
	name, hex string
	rest      string
	value     bufferValue
}{
	{
		name: "a stream record that waits for a join with a table",
		hex:  "0000000000000006 0000000000000000 00000001 73 00000000 00000001 00000001 68 00000001 78 ffffffff ffffffff 00000002 7376",
		rest: "0000000000000000",
		value: bufferValue{
			origin: origin{record.Metadata{Topic: "s"}, 6, record.Headers{{Key: "h", Value: []byte("x")}}},
			New:    []byte("sv"),
		},
	},
	{
		name: "a suppressed count",
		hex:  "0000000000000019 0000000000000000 00000002 696e 00000000 00000001 00000001 68 00000001 78 ffffffff ffffffff 00000008 0000000000000001",
		rest: "000000000000001e",
		value: bufferValue{
			origin: origin{record.Metadata{Topic: "in"}, 25, record.Headers{{Key: "h", Value: []byte("x")}}},
			New:    []byte{0, 0, 0, 0, 0, 0, 0, 1},
		},
	},
}

// bufferShapes follow from the format, beside what the vectors show.
var bufferShapes = []struct {
	name, hex string
	value     bufferValue
}{
	{
		name:  "nothing but nulls",
		hex:   "ffffffffffffffff ffffffffffffffff 00000000 ffffffff 00000000 ffffffff ffffffff ffffffff",
		value: bufferValue{origin: origin{record.Metadata{Partition: -1, Offset: -1}, -1, nil}},
	},
	{
		name: "an old value that equals the prior one, and an empty new one",
		hex:  "0000000000000001 0000000000000002 00000001 74 00000003 00000000 00000002 6162 fffffffe 00000000",
		value: bufferValue{
			origin: origin{record.Metadata{Topic: "t", Partition: 3, Offset: 2}, 1, nil},
			Prior:  []byte("ab"), Old: []byte("ab"), New: []byte{},
		},
	},
	{
		name: "two headers of one key, of which one is null and one is empty, and other values",
		hex:  "0000000000000001 0000000000000002 00000000 00000000 00000002 00000001 68 ffffffff 00000001 68 00000000 00000001 61 00000001 62 00000001 63",
		value: bufferValue{
			origin: origin{record.Metadata{Offset: 2}, 1, record.Headers{{Key: "h"}, {Key: "h", Value: []byte{}}}},
			Prior:  []byte("a"), Old: []byte("b"), New: []byte("c"),
		},
	},
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestBufferValuesHaveTheBytesOfKafkaStreams(t *testing.T) {
	vectors := bufferVectors
	for _, shape := range bufferShapes {
		vectors = append(vectors, struct {
			name, hex, rest string
			value           bufferValue
		}{shape.name, shape.hex, "", shape.value})
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if have := v.value.append([]byte("dst")); !bytes.Equal(have, append([]byte("dst"), unhex(t, v.hex)...)) {
				t.Errorf("encoded as\n%x, want behind dst\n%x", have, unhex(t, v.hex))
			}
			have, rest, err := decodeBufferValue(unhex(t, v.hex+v.rest))
			if err != nil || !reflect.DeepEqual(have, v.value) || !bytes.Equal(rest, unhex(t, v.rest)) {
				t.Errorf("decoded as %+v and %x, %v; want %+v and %s", have, rest, err, v.value, v.rest)
			}
		})
	}
}

func TestBufferValuesThatAreDamagedAreRefused(t *testing.T) {
	whole := unhex(t, bufferVectors[0].hex)
	for n := range whole {
		if _, _, err := decodeBufferValue(whole[:n]); err == nil || !strings.Contains(err.Error(), "ends too early") && !strings.Contains(err.Error(), "headers") {
			t.Errorf("the first %d bytes: error %v, want one that says that it is cut off", n, err)
		}
	}
	for name, text := range map[string]string{
		"a name in it is null":           "0000000000000001 0000000000000002 ffffffff",
		"it has a block of -5 bytes":     "0000000000000001 0000000000000002 00000000 00000000 00000000 fffffffb",
		"it has 1000 headers":            "0000000000000001 0000000000000002 00000000 00000000 000003e8 0000000000000000",
		"it has -2 headers":              "0000000000000001 0000000000000002 00000000 00000000 fffffffe",
		"it has a block of -2 bytes":     "0000000000000001 0000000000000002 00000000 00000000 00000000 fffffffe",
		"it has a block of -3 bytes":     "0000000000000001 0000000000000002 00000000 00000000 00000000 00000000 fffffffd",
		"a buffered record of 0 bytes":   "",
		"it ends too early":              "00",
		"a buffered record of 18 bytes ": "0000000000000001 0000000000000002 0000",
	} {
		if _, _, err := decodeBufferValue(unhex(t, text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want %q", text, err, name)
		}
	}
}

// Old versions of Kafka Streams wrote null where there are no headers.
func TestBufferValuesMayHaveNullForHeaders(t *testing.T) {
	v, _, err := decodeBufferValue(unhex(t, "0000000000000001 0000000000000002 00000000 00000000 ffffffff ffffffff ffffffff ffffffff"))
	if err != nil || v.Headers != nil || v.Timestamp != 1 {
		t.Errorf("decoded as %+v, %v; want no headers", v, err)
	}
}

func FuzzBufferValue(f *testing.F) {
	for _, v := range bufferVectors {
		f.Add(unhex(f, v.hex+v.rest))
	}
	for _, v := range bufferShapes {
		f.Add(unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, rest, err := decodeBufferValue(data)
		if err != nil {
			return
		}
		again, none, err := decodeBufferValue(v.append(nil))
		if err != nil || len(none) > 0 || !reflect.DeepEqual(again, v) {
			t.Errorf("%x is decoded as %+v, with %d bytes behind it, and that again as %+v, %v", data, v, len(rest), again, err)
		}
	})
}
