package serde_test

import (
	"errors"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestAFaultIsReportedByEveryUse(t *testing.T) {
	wrong := errors.New("wrong")
	s := serde.Fault[string](wrong)
	_, encoded := s.Append(nil, "a")
	_, decoded := s.Decode(nil)
	_, bound := s.(serde.TopicBinder[string]).ForTopic("t", false)
	_, described := s.(serde.Described[string]).Schema()
	_, resolved := s.(serde.Described[string]).ForWriter(serde.Schema{})
	for i, err := range []error{encoded, decoded, bound, described, resolved} {
		if !errors.Is(err, wrong) {
			t.Errorf("use %d gave %v, want the fault", i, err)
		}
	}
}

func TestAPointerIsDescribedByWhatItPointsTo(t *testing.T) {
	wrong := errors.New("wrong")
	s := serde.Pointer(serde.Fault[string](wrong)).(serde.Described[*string])
	if _, err := s.Schema(); !errors.Is(err, wrong) {
		t.Errorf("got %v, want the answer of the inner serde", err)
	}
	if _, err := s.ForWriter(serde.Schema{}); !errors.Is(err, wrong) {
		t.Errorf("got %v, want the answer of the inner serde", err)
	}
	plain := serde.Pointer(serde.String()).(serde.Described[*string])
	if _, err := plain.Schema(); err == nil {
		t.Error("a string has a schema")
	}
	if _, err := plain.ForWriter(serde.Schema{}); err == nil {
		t.Error("a string is read by a schema")
	}
}
