package serde_test

import (
	"strings"
	"testing"
	"uuid"

	"github.com/tidemill/tidemill/serde"
)

const someUUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"

func TestUUIDIsTextOf36Characters(t *testing.T) {
	wire(t, "as Java's UUID.toString", serde.UUID(), uuid.MustParse(someUUID),
		"66383164346661652d376465632d313164302d613736352d303061306339316536626636")
	allocates(t, "neither direction allocates", serde.UUID(), uuid.MustParse(someUUID), 0, 0)
}

func TestUUIDIsReadInEitherCase(t *testing.T) {
	v, err := serde.UUID().Decode([]byte(strings.ToUpper(someUUID)))
	if err != nil || v != uuid.MustParse(someUUID) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestUUIDRefusesOtherForms(t *testing.T) {
	const wrong = "36 bytes that are no UUID: want hexadecimal digits in groups of 8, 4, 4, 4 and 12"
	refuses(t, "nothing", serde.UUID(), "", "want 36 bytes for a UUID, got 0")
	refuses(t, "16 raw bytes", serde.UUID(), "0123456789abcdef", "want 36 bytes for a UUID, got 16")
	refuses(t, "braces", serde.UUID(), "{"+someUUID+"}", "want 36 bytes for a UUID, got 38")
	refuses(t, "a letter that is no digit", serde.UUID(), "g"+someUUID[1:], wrong)
	refuses(t, "a misplaced hyphen", serde.UUID(), "-"+someUUID[:35], wrong)
}

func FuzzUUID(f *testing.F) {
	f.Add([]byte(someUUID))
	f.Add([]byte(strings.ToUpper(someUUID)))
	f.Add([]byte("f81d4fae-7dec-11d0-a765-00a0c91e6bf-"))
	f.Fuzz(func(t *testing.T, data []byte) { stable(t, serde.UUID(), data) })
}
