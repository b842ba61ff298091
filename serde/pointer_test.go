package serde_test

import (
	"errors"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

func TestPointerIsEncodedAsWhatItPointsTo(t *testing.T) {
	wire(t, "a number", serde.Pointer(serde.Int64()), new(int64(5)), "0000000000000005")
	wire(t, "the empty string", serde.Pointer(serde.String()), new(""), "")
	refuses(t, "wrong data", serde.Pointer(serde.Int64()), "abc", "want 8 bytes for int64, got 3")
	allocates(t, "only decoding allocates", serde.Pointer(serde.Int64()), new(int64(5)), 0, 1)
}

func TestNilPointerIsNotEncoded(t *testing.T) {
	got, err := serde.Pointer(serde.Int64()).Append([]byte("kept"), nil)
	saying(t, err, "a nil pointer has no encoding")
	if string(got) != "kept" {
		t.Errorf("dst became %q", got)
	}
}

func TestPointerOwnsThroughItsElement(t *testing.T) {
	data := []byte("abc")
	s := serde.Pointer(serde.Bytes())
	v, err := s.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	owned := s.(serde.Owner[*[]byte]).Own(v)
	data[0] = 'x'
	if string(*owned) != "abc" || string(*v) != "xbc" {
		t.Errorf("owned %q, aliased %q", *owned, *v)
	}
	if s.(serde.Owner[*[]byte]).Own(nil) != nil {
		t.Error("nil became something")
	}
	number := new(int64(1))
	if serde.Pointer(serde.Int64()).(serde.Owner[*int64]).Own(number) != number {
		t.Error("a number was copied, and shares nothing")
	}
}

// perTopic writes the name of the topic it is bound to.
type perTopic struct{ topic string }

func (s perTopic) Append(dst []byte, _ string) ([]byte, error) { return append(dst, s.topic...), nil }

func (perTopic) Decode(data []byte) (string, error) { return string(data), nil }

func (perTopic) ForTopic(topic string, key bool) (serde.Serde[string], error) {
	if key {
		return nil, errors.New("not for keys")
	}
	return perTopic{topic}, nil
}

func TestPointerBindsItsElementToATopic(t *testing.T) {
	binder := serde.Pointer[string](perTopic{}).(serde.TopicBinder[*string])
	bound, err := binder.ForTopic("orders", false)
	if err != nil {
		t.Fatal(err)
	}
	wire(t, "bound", bound, new("orders"), "6f7264657273")
	_, err = binder.ForTopic("orders", true)
	saying(t, err, "not for keys")
	same, err := serde.Pointer(serde.Int64()).(serde.TopicBinder[*int64]).ForTopic("orders", true)
	if err != nil {
		t.Fatal(err)
	}
	wire(t, "no matter which topic", same, new(int64(5)), "0000000000000005")
}
