package serde_test

import (
	"encoding/json/jsontext"
	"math/big"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/tidemill/tidemill/serde"
)

type (
	tree struct {
		Value    int
		Children []*tree
		Index    map[string]tree
	}
	endless struct {
		Next *endless
		Done chan struct{}
	}
	hidden   struct{ secret int } //nolint:unused // its presence is the case
	conflict struct {
		A int `json:"B"`
		B int
	}
	base struct{ ID string }
	sub  struct {
		base
		Skipped chan int `json:"-"`
		private func()   //nolint:unused // its presence is the case
	}
	onlyWrites    struct{ C chan int }
	embedsPointer struct{ *base }
	point         struct{ X, Y int }
)

func (onlyWrites) MarshalText() ([]byte, error) { return []byte("x"), nil }

// writable checks that T is inferred to be JSON.
func writable[T any](t *testing.T, name string, v T, want string) {
	t.Helper()
	s, err := serde.Of[T]()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	text(t, name, s, v, want)
}

func TestWhatJSONCanWriteIsInferred(t *testing.T) {
	writable(t, "a type that contains itself", tree{Children: []*tree{}, Index: map[string]tree{}},
		`{"Value":0,"Children":[],"Index":{}}`)
	writable(t, "fields that are left out", sub{base: base{ID: "a"}}, `{"ID":"a"}`)
	writable(t, "no fields at all", struct{}{}, `{}`)
	writable(t, "keys with text methods", map[netip.Addr]int{netip.MustParseAddr("::1"): 2}, `{"::1":2}`)
	writable(t, "keys that are numbers", map[int32]bool{-1: true}, `{"-1":true}`)
	writable(t, "methods of the standard library", []*big.Int{big.NewInt(5)}, `[5]`)
	writable(t, "raw JSON", jsontext.Value(`[1]`), `[1]`)
	writable(t, "an array of bytes as base64", [3]byte{1, 2, 3}, `"AQID"`)
	writable(t, "an empty interface", any("a"), `"a"`)
	writable(t, "a time within is text", struct{ At time.Time }{time.Unix(0, 0).UTC()}, `{"At":"1970-01-01T00:00:00Z"}`)
}

// unwritable checks that T is refused with an error that says these phrases.
func unwritable[T any](t *testing.T, name string, phrases ...string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		s, err := serde.Of[T]()
		if s != nil {
			t.Errorf("it has the serde %T", s)
		}
		saying(t, err, append(phrases, "give a serde as an option")...)
	})
}

func TestWhatJSONCannotWriteIsRefused(t *testing.T) {
	unwritable[chan int](t, "a channel", "type chan int: it has no form in JSON")
	unwritable[func()](t, "a function", "type func(): it has no form in JSON")
	unwritable[complex128](t, "a complex number", "type complex128: it has no form")
	unwritable[unsafe.Pointer](t, "an unsafe pointer", "it is an address")
	unwritable[uintptr](t, "an address as a number", "it is an address")
	unwritable[error](t, "an interface with methods", "type error: it is an interface with methods")
	unwritable[[]error](t, "a slice of them", "type []error: its error is an interface with methods")
	unwritable[hidden](t, "no exported field", "type serde_test.hidden: it cannot be written: Go struct has no exported fields")
	unwritable[conflict](t, "two fields of one name", "A and B conflict over JSON object name \"B\"")
	unwritable[map[bool]int](t, "a key that is no string", "bool cannot be the key of a map")
	unwritable[map[point]int](t, "a struct as a key", "serde_test.point cannot be the key of a map")
	unwritable[onlyWrites](t, "a type that writes itself but cannot be read", "field C: chan int has no form")
	unwritable[embedsPointer](t, "an embedded pointer that cannot be set", "embeds a pointer to an unexported type")
}

func TestWhatJSONCannotWriteIsFoundInside(t *testing.T) {
	unwritable[endless](t, "in a type that contains itself", "field Done: chan struct {} has no form in JSON", "tag json:\"-\"")
	unwritable[struct{ In []map[string]*endless }](t, "far inside", "field In.Done: chan struct {}")
	unwritable[struct{ For time.Duration }](t, "a duration", "field For: time.Duration has no form in JSON (use an integer")
	unwritable[map[string][2]hidden](t, "in an array", "its serde_test.hidden cannot be written")
}
