package serde_test

import (
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestBoolIsOneByte(t *testing.T) {
	wire(t, "true", serde.Bool(), true, "01")
	wire(t, "false", serde.Bool(), false, "00")
	allocates(t, "either", serde.Bool(), true, 0, 0)
}

func TestBoolRefusesAnythingElse(t *testing.T) {
	refuses(t, "nothing", serde.Bool(), "", "want 1 byte for bool, got 0")
	refuses(t, "two bytes", serde.Bool(), "\x00\x01", "want 1 byte for bool, got 2")
	refuses(t, "another byte", serde.Bool(), "\x02", "want byte 0 or 1 for bool, got 2")
}

func FuzzBool(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) { exactly(t, serde.Bool(), data) })
}
