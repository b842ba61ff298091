package serde_test

import (
	"testing"

	"github.com/tidemill/tidemill/serde"
)

type word string

func TestStringIsItsBytes(t *testing.T) {
	wire(t, "the empty string is no bytes", serde.String(), "", "")
	wire(t, "ASCII", serde.String(), "abc", "616263")
	wire(t, "beyond ASCII it is UTF-8", serde.String(), "é€😀", "c3a9e282acf09f9880")
	wire(t, "invalid UTF-8 is passed on", serde.String(), "a\xff", "61ff")
	wire(t, "a named type", serde.Text[word](), "abc", "616263")
}

func TestDecodedStringSharesNoMemory(t *testing.T) {
	data := []byte("abc")
	v, err := serde.String().Decode(data)
	data[0] = 'x'
	if v != "abc" || err != nil {
		t.Errorf("got %q, %v after the data changed", v, err)
	}
}

func TestEncodingStringsDoesNotAllocate(t *testing.T) {
	const long = "a string that is longer than the small buffers of the runtime"
	allocates(t, "string", serde.String(), long, 0, 1)
	allocates(t, "a named type", serde.Text[word](), long, 0, 1)
}

func FuzzString(f *testing.F) {
	f.Add([]byte("a\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		exactly(t, serde.String(), data)
		exactly(t, serde.Text[word](), data)
	})
}
