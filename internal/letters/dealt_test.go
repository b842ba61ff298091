package letters

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWhatIsDealtWithIsKeptInRuns(t *testing.T) {
	d := Dealt{}
	for _, step := range []struct {
		more, waiting []int64
		want          string
	}{
		{[]int64{5}, []int64{1, 3, 7, 8, 9, 11}, "1: 5"},
		{[]int64{7, 8, 9}, []int64{1, 3, 11}, "1: 5 7-9"},
		{[]int64{1}, []int64{3, 11}, "3: 5 7-9"},
		{[]int64{3}, []int64{11}, "11: "},
		{[]int64{11}, nil, "20: "},
	} {
		d = d.With(step.more, step.waiting, 20)
		text, err := d.Metadata()
		if got := fmt.Sprintf("%d: %s", d.Below, text); err != nil || got != step.want {
			t.Errorf("behind %v it is %q, %v; want %q", step.more, got, err, step.want)
		}
		again, err := Read(d.Below, text)
		if err != nil || fmt.Sprint(again) != fmt.Sprint(d) {
			t.Errorf("%+v became %+v, %v", d, again, err)
		}
		for _, offset := range step.more {
			if !d.Has(offset) {
				t.Errorf("%d is not dealt with", offset)
			}
		}
		for _, offset := range step.waiting {
			if d.Has(offset) {
				t.Errorf("%d is dealt with", offset)
			}
		}
	}
}

func TestLettersThatAreTooScatteredAreRefused(t *testing.T) {
	var more []int64
	for i := range int64(2000) {
		more = append(more, 1000+2*i)
	}
	if _, err := (Dealt{}).With(more, []int64{0}, 9999).Metadata(); !errors.Is(err, ErrScattered) {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatSomebodyElseWroteIsAnError(t *testing.T) {
	for _, bad := range []string{"x", "1-", "5-1", "1-99999999999", "4 - 5"} {
		if _, err := Read(0, bad); err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%q: the error is %v", bad, err)
		}
	}
}
