package window_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

func TestSerdeWritesTheKeyAndTheStart(t *testing.T) {
	s := window.Serde(serde.String(), 10)
	want := window.Key[string]{Key: "k", Start: 20, End: 30}
	data, err := s.Append([]byte("before"), want)
	if err != nil {
		t.Fatal(err)
	}
	// As TimeWindowedSerializer of Kafka Streams 4.3.1 writes it.
	if got := hex.EncodeToString(data[len("before"):]); got != "6b0000000000000014" {
		t.Errorf("Append = %s, want 6b0000000000000014", got)
	}
	if got, err := s.Decode(data[len("before"):]); err != nil || got != want {
		t.Errorf("Decode = %v, %v, want %v", got, err, want)
	}
}

func TestOnlyTheInnerKeyDecidesOnThePartition(t *testing.T) {
	s := window.Serde(serde.String(), 10).(interface{ PartitionKey([]byte) []byte })
	if got := s.PartitionKey([]byte("key\x00\x00\x00\x00\x00\x00\x00\x14")); string(got) != "key" {
		t.Errorf("PartitionKey = %q, want key", got)
	}
}

func TestSerdeRefusesWhatIsNoWindowedKey(t *testing.T) {
	s := window.Serde(serde.Int64(), 10)
	for _, c := range []struct{ name, data, want string }{
		{"too short for a start", "00000000000014", "a windowed key has at least 8 bytes, this has 7"},
		{"an inner key that is none", "6b0000000000000014", "8"},
		{"a window before time began", "0000000000000001ffffffffffffffff", "the window of a windowed key starts at -1, before time began"},
	} {
		data, err := hex.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := s.Decode(data); err == nil || k != (window.Key[int64]{}) {
			t.Errorf("%s: Decode = %v, %v, want nothing but an error", c.name, k, err)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %q, want %q in it", c.name, err, c.want)
		}
	}
}

func TestSerdePassesOnTheInnerKeysError(t *testing.T) {
	bad := errors.New("no")
	inner := serde.Func(func([]byte, string) ([]byte, error) { return nil, bad }, func([]byte) (string, error) { return "", bad })
	s := window.Serde(inner, 10)
	if _, err := s.Append(nil, window.Key[string]{}); !errors.Is(err, bad) {
		t.Errorf("Append: %v, want the inner error", err)
	}
	if _, err := s.Decode(make([]byte, 8)); !errors.Is(err, bad) {
		t.Errorf("Decode: %v, want the inner error", err)
	}
}

// topical is a serde that writes the topic that it is bound to.
type topical struct {
	serde.Serde[string]
	topic string
}

func (s topical) ForTopic(topic string, _ bool) (serde.Serde[string], error) {
	if topic == "" {
		return nil, errors.New("no topic")
	}
	return topical{topic: topic}, nil
}

func (s topical) Append(dst []byte, _ string) ([]byte, error) { return append(dst, s.topic...), nil }

func TestSerdeBindsTheInnerSerdeToItsTopic(t *testing.T) {
	s := window.Serde[string](topical{}, 10).(serde.TopicBinder[window.Key[string]])
	bound, err := s.ForTopic("t", true)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := bound.Append(nil, window.Key[string]{}); string(data[:len(data)-8]) != "t" {
		t.Errorf("the bound serde writes %q, want t and a start", data)
	}
	if _, err := s.ForTopic("", true); err == nil {
		t.Error("the inner serde's error is lost")
	}
	plain := window.Serde(serde.String(), 10).(serde.TopicBinder[window.Key[string]])
	if _, err := plain.ForTopic("t", true); err != nil {
		t.Errorf("a serde that needs no topic: %v", err)
	}
}

func FuzzSerde(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x14"), int64(10))
	f.Add([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff"), int64(math.MaxInt64))
	f.Add([]byte("short"), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		if size <= 0 {
			t.Skip()
		}
		s := window.Serde(serde.Bytes(), size)
		k, err := s.Decode(data)
		if err != nil {
			return
		}
		if k.Start < 0 || k.End < k.Start {
			t.Fatalf("Decode(%x) = %v: not a window", data, k)
		}
		again, err := s.Append(nil, k)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is written as %x, %v", data, again, err)
		}
	})
}
