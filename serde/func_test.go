package serde_test

import (
	"errors"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestFuncCallsTheTwoFunctions(t *testing.T) {
	s := serde.Func(
		func(dst []byte, v [2]byte) ([]byte, error) { return append(dst, v[1], v[0]), nil },
		func(data []byte) ([2]byte, error) {
			if len(data) != 2 {
				return [2]byte{}, errors.New("want a pair")
			}
			return [2]byte{data[1], data[0]}, nil
		})
	wire(t, "a value", s, [2]byte{1, 2}, "0201")
	refuses(t, "what the function refuses", s, "abc", "want a pair")
}

func TestFuncWithoutADirection(t *testing.T) {
	s := serde.Func[int](nil, nil)
	got, err := s.Append([]byte("kept"), 1)
	saying(t, err, "no function that encodes")
	if string(got) != "kept" {
		t.Errorf("dst became %q", got)
	}
	refuses(t, "decoding", s, "a", "serde.Func was given no function that decodes")
}
