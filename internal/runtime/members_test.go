package runtime

import "testing"

func TestAddressesOfOthersAreNone(t *testing.T) {
	if got := decodeAddress(encodeAddress("10.0.0.1:9090")); got != "10.0.0.1:9090" {
		t.Errorf("got %q", got)
	}
	for _, told := range [][]byte{nil, {}, {2, 'x'}, []byte("java")} {
		if got := decodeAddress(told); got != "" {
			t.Errorf("%q is read as %q", told, got)
		}
	}
}
