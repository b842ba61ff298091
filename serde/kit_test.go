package serde_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

// wire checks that v is written as the bytes in hexadecimal, behind what dst
// held before, and is read back from them.
func wire[T any](t *testing.T, name string, s serde.Serde[T], v T, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		prefix := []byte("before")
		got, err := s.Append(prefix, v)
		if err != nil {
			t.Fatalf("Append(%v): %v", v, err)
		}
		data, ok := bytes.CutPrefix(got, prefix)
		if !ok {
			t.Fatalf("Append changed what dst held: %q", got)
		}
		if hex.EncodeToString(data) != want {
			t.Fatalf("Append(%v) = %x, want %s", v, data, want)
		}
		back, err := s.Decode(data)
		if err != nil {
			t.Fatalf("Decode(%x): %v", data, err)
		}
		if !reflect.DeepEqual(back, v) {
			t.Fatalf("Decode(%x) = %v, want %v", data, back, v)
		}
	})
}

// refuses checks that decoding data gives the zero T and exactly this error.
func refuses[T any](t *testing.T, name string, s serde.Serde[T], data, want string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		v, err := s.Decode([]byte(data))
		if err == nil {
			t.Fatalf("Decode(%q) = %v, want the error %q", data, v, want)
		}
		if err.Error() != want {
			t.Errorf("Decode(%q): %q, want %q", data, err, want)
		}
		if !reflect.ValueOf(&v).Elem().IsZero() {
			t.Errorf("Decode(%q) gave %v next to the error", data, v)
		}
	})
}

// allocates checks how often a round trip allocates on average.
func allocates[T any](t *testing.T, name string, s serde.Serde[T], v T, encode, decode float64) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		dst := make([]byte, 0, 1024)
		data, err := s.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(200, func() { _, _ = s.Append(dst, v) }); n > encode {
			t.Errorf("encoding allocates %v times, want %v", n, encode)
		}
		if n := testing.AllocsPerRun(200, func() { _, _ = s.Decode(data) }); n > decode {
			t.Errorf("decoding allocates %v times, want %v", n, decode)
		}
	})
}

// stable checks for a fuzz target that data is either refused, without much of
// it in the error, or read as a value that is written and read back the same.
func stable[T any](t *testing.T, s serde.Serde[T], data []byte) {
	t.Helper()
	given := bytes.Clone(data)
	v, err := s.Decode(data)
	if !bytes.Equal(data, given) {
		t.Fatalf("Decode changed its input %x into %x", given, data)
	}
	if err != nil {
		if len(err.Error()) > 400 {
			t.Fatalf("an error of %d bytes: %v", len(err.Error()), err)
		}
		return
	}
	first, err := s.Append(nil, v)
	if err != nil {
		t.Fatalf("Decode(%x) = %v, which is not written: %v", data, v, err)
	}
	again, err := s.Decode(first)
	if err != nil {
		t.Fatalf("Append(%v) = %x, which is not read: %v", v, first, err)
	}
	second, err := s.Append(nil, again)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%v is written as %x, read as %v, and then written as %x (%v)", v, first, again, second, err)
	}
}

// exactly is stable for an encoding with one form for each value.
func exactly[T any](t *testing.T, s serde.Serde[T], data []byte) {
	t.Helper()
	stable(t, s, data)
	v, err := s.Decode(data)
	if err != nil {
		return
	}
	if back, err := s.Append(nil, v); err != nil || !bytes.Equal(back, data) {
		t.Fatalf("%x is read as %v and written as %x (%v)", data, v, back, err)
	}
}

// of is serde.Of for a type that it must know.
func of[T any](t testing.TB) serde.Serde[T] {
	t.Helper()
	s, err := serde.Of[T]()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// saying checks that err holds each of the phrases.
func saying(t *testing.T, err error, phrases ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", phrases)
	}
	for _, phrase := range phrases {
		if !strings.Contains(err.Error(), phrase) {
			t.Errorf("error %q does not say %q", err, phrase)
		}
	}
}
