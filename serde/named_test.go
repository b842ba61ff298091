package serde_test

import (
	"math"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

type (
	flag    bool
	tiny    int8
	short   int16
	mid     int32
	size    uint
	octet   uint8
	port    uint16
	code    uint32
	mask    uint64
	ratio   float32
	amount  float64
	payload []byte
	textPtr *word
)

func TestNamedTypesHaveTheBytesOfTheirKind(t *testing.T) {
	wire(t, "a string", of[word](t), "abc", "616263")
	wire(t, "a bool", of[flag](t), true, "01")
	wire(t, "an int8", of[tiny](t), -1, "ff")
	wire(t, "an int16", of[short](t), -2, "fffe")
	wire(t, "an int32", of[mid](t), math.MinInt32, "80000000")
	wire(t, "an int64", of[count](t), -1<<40, "ffffff0000000000")
	wire(t, "an int", of[narrow](t), -3, "fffffffffffffffd")
	wire(t, "a uint", of[size](t), 3, "0000000000000003")
	wire(t, "a uint8", of[octet](t), 200, "c8")
	wire(t, "a uint16", of[port](t), 0xfffe, "fffe")
	wire(t, "a uint32", of[code](t), 1<<31, "80000000")
	wire(t, "a uint64", of[mask](t), math.MaxUint64, "ffffffffffffffff")
	wire(t, "a float32", of[ratio](t), 1.5, "3fc00000")
	wire(t, "a float64", of[amount](t), -2.5, "c004000000000000")
	wire(t, "bytes", of[payload](t), payload{0, 255}, "00ff")
}

func TestNamedTypesRefuseWhatTheirKindRefuses(t *testing.T) {
	refuses(t, "a short long", of[count](t), "abc", "want 8 bytes for serde_test.count, got 3")
	refuses(t, "a long short", of[port](t), "abc", "want 2 bytes for serde_test.port, got 3")
	refuses(t, "a byte that is no bool", of[flag](t), "\x02", "want byte 0 or 1 for serde_test.flag, got 2")
	refuses(t, "no byte for a bool", of[flag](t), "", "want 1 byte for serde_test.flag, got 0")
	refuses(t, "a short float behind a pointer", of[*ratio](t), "abc", "want 4 bytes for serde_test.ratio, got 3")
}

func TestNamedTypesDoNotAllocate(t *testing.T) {
	const long = "a string that is longer than the small buffers of the runtime"
	allocates(t, "a number", of[count](t), 1<<40, 0, 0)
	allocates(t, "a float", of[amount](t), 1.5, 0, 0)
	allocates(t, "a bool", of[flag](t), true, 0, 0)
	allocates(t, "a string", of[word](t), long, 0, 1)
	allocates(t, "bytes", of[payload](t), payload(long), 0, 0)
	allocates(t, "a pointer to a number", of[*count](t), new(count(1<<40)), 0, 1)
}

func TestOwnedNamedBytesOutliveTheData(t *testing.T) {
	data := []byte("abc")
	s := of[payload](t)
	v, err := s.Decode(data)
	if err != nil || &v[0] != &data[0] {
		t.Fatalf("decoding copied, or failed: %v", err)
	}
	owner := s.(serde.Owner[payload])
	owned := owner.Own(v)
	data[0] = 'x'
	if string(owned) != "abc" {
		t.Errorf("the owned bytes turned into %q with the data", owned)
	}
	if owner.Own(nil) != nil {
		t.Error("nil became something")
	}
}

func TestPointersToNamedTypes(t *testing.T) {
	wire(t, "a number", of[*count](t), new(count(7)), "0000000000000007")
	wire(t, "a string", of[*word](t), new(word("abc")), "616263")
	wire(t, "a named pointer", of[textPtr](t), textPtr(new(word("abc"))), "616263")
	wire(t, "an unnamed number of a rare size", of[*int16](t), new(int16(-2)), "fffe")
	_, err := of[*count](t).Append(nil, nil)
	saying(t, err, "a nil *serde_test.count has no encoding")
}

func TestBytesBehindAPointerAreCopied(t *testing.T) {
	data := []byte("abc")
	v, err := of[*payload](t).Decode(data)
	data[0] = 'x'
	if err != nil || string(*v) != "abc" {
		t.Errorf("got %q, %v after the data changed", *v, err)
	}
}

func FuzzNamed(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{2})
	words, payloads, flags, tinies, mids := of[word](f), of[payload](f), of[flag](f), of[tiny](f), of[mid](f)
	narrows, masks, amounts, ratios, pointers := of[narrow](f), of[mask](f), of[amount](f), of[ratio](f), of[*count](f)
	f.Fuzz(func(t *testing.T, data []byte) {
		exactly(t, words, data)
		exactly(t, payloads, data)
		exactly(t, flags, data)
		exactly(t, tinies, data)
		exactly(t, mids, data)
		exactly(t, narrows, data)
		exactly(t, masks, data)
		exactly(t, amounts, data)
		stable(t, ratios, data)
		exactly(t, pointers, data)
	})
}
