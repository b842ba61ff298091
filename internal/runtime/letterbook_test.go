package runtime

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatHasBeenDealtWithIsReadAsItWasWritten(t *testing.T) {
	for _, beside := range [][]int64{nil, {7}, {7, 9, 10, 11, 20}, {5, 6, 7}} {
		text, err := dealt{below: 3, beside: beside}.encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := decodeDealt(3, text); !slices.Equal(got.beside, beside) || got.below != 3 {
			t.Errorf("%v is written as %q and read as %v", beside, text, got.beside)
		}
	}
	if text, _ := (dealt{beside: []int64{7, 9, 10, 11}}).encode(); text != "7 9-11" {
		t.Errorf("written as %q", text)
	}
}

func TestWhatSomebodyElseHasWrittenIsIgnored(t *testing.T) {
	if got := decodeDealt(0, "x 5-3 9-99999999999999 4 - 1-x"); !slices.Equal(got.beside, []int64{4}) {
		t.Errorf("read as %v", got.beside)
	}
}

func TestTooManyApartAreRefused(t *testing.T) {
	var d dealt
	for i := range int64(2000) {
		d.beside = append(d.beside, 2*i)
	}
	if _, err := d.encode(); err == nil || !strings.Contains(err.Error(), "oldest ones first") {
		t.Errorf("got %v", err)
	}
}

func TestTheOffsetMovesUpToTheFirstThatWaits(t *testing.T) {
	book := &letterBook{next: 12, waiting: []int64{2, 4, 6, 8, 10}}
	d := dealt{beside: []int64{2, 4, 8}}.settle(book)
	if d.below != 6 || !slices.Equal(d.beside, []int64{8}) {
		t.Errorf("got %+v", d)
	}
	d = dealt{beside: []int64{2, 4, 6, 8, 10}}.settle(book)
	if d.below != 12 || len(d.beside) != 0 {
		t.Errorf("with all of them: %+v", d)
	}
}

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
