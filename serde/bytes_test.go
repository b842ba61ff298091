package serde_test

import (
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestBytesAreThemselves(t *testing.T) {
	wire(t, "none", serde.Bytes(), []byte{}, "")
	wire(t, "some", serde.Bytes(), []byte{0, 255}, "00ff")
	allocates(t, "neither direction allocates", serde.Bytes(), make([]byte, 100), 0, 0)
}

func TestOwnedBytesOutliveTheData(t *testing.T) {
	data := []byte("abc")
	v, err := serde.Bytes().Decode(data)
	if err != nil || &v[0] != &data[0] {
		t.Fatalf("decoding copied, or failed: %v", err)
	}
	owned := serde.Bytes().(serde.Owner[[]byte]).Own(v)
	data[0] = 'x'
	if string(owned) != "abc" {
		t.Errorf("the owned bytes turned into %q with the data", owned)
	}
}

func TestOwningKeepsNilAndEmptyApart(t *testing.T) {
	owner := serde.Bytes().(serde.Owner[[]byte])
	if owner.Own(nil) != nil {
		t.Error("nil became something")
	}
	if v := owner.Own([]byte{}); v == nil || len(v) != 0 {
		t.Errorf("an empty slice became %v", v)
	}
}

func FuzzBytes(f *testing.F) {
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, data []byte) { exactly(t, serde.Bytes(), data) })
}
