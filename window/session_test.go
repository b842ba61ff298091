package window_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

func TestSessions(t *testing.T) {
	for _, c := range []struct {
		name     string
		w        window.SessionSpec
		ts       int64
		from, to int64 // the time that a session has to touch
		open     int64 // at ts as stream time
	}{
		{"a session is within the gap on both sides", window.Session(10 * ms), 25, 15, 35, 15},
		{"grace closes sessions later", window.Session(10 * ms).Grace(5 * ms), 25, 15, 35, 10},
		{"event times below the gap are nothing special", window.Session(10 * ms), 3, -7, 13, -7},
		{"nor is the end of time", window.Session(10 * ms), math.MaxInt64, math.MaxInt64 - 10, math.MaxInt64, math.MaxInt64 - 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := c.w.Reach(c.ts)
			if from != c.from || to != c.to {
				t.Errorf("Reach(%d) = %d, %d, want %d, %d", c.ts, from, to, c.from, c.to)
			}
			if got := c.w.Open(c.ts); got != c.open {
				t.Errorf("Open(%d) = %d, want %d", c.ts, got, c.open)
			}
		})
	}
	w := window.Session(time.Second).Grace(2 * time.Second)
	if w.Gap() != 1000 || w.GracePeriod() != 2000 {
		t.Errorf("the gap is %d and the grace %d, want 1000 and 2000", w.Gap(), w.GracePeriod())
	}
}

func TestSessionSerdeWritesTheKeyTheEndAndTheStart(t *testing.T) {
	s := window.SessionSerde(serde.String())
	want := window.Key[string]{Key: "k", Start: 25, End: 30}
	data, err := s.Append([]byte("before"), want)
	if err != nil {
		t.Fatal(err)
	}
	// As SessionWindowedSerializer of Kafka Streams 4.3.1 writes it.
	const bytes = "6b000000000000001e0000000000000019"
	if got := hex.EncodeToString(data[len("before"):]); got != bytes {
		t.Errorf("Append = %s, want %s", got, bytes)
	}
	if got, err := s.Decode(data[len("before"):]); err != nil || got != want {
		t.Errorf("Decode = %v, %v, want %v", got, err, want)
	}
	if got := s.(interface{ PartitionKey([]byte) []byte }).PartitionKey(data[len("before"):]); string(got) != "k" {
		t.Errorf("PartitionKey = %q, want k", got)
	}
}

func TestSessionSerdeRefusesWhatIsNoKeyOfASession(t *testing.T) {
	s := window.SessionSerde(serde.Int64())
	for _, c := range []struct{ name, data, want string }{
		{"too short for two bounds", "00000000000000000000000000000a", "the key of a session has at least 16 bytes, this has 15"},
		{"an inner key that is none", "6b000000000000001e0000000000000019", "8"},
		{"a session before time began", "0000000000000001000000000000001effffffffffffffff", "the session of a key is from -1 to 30: it must start at 0 or later and not end before"},
		{"a session that ends before it starts", "000000000000000100000000000000010000000000000002", "the session of a key is from 2 to 1: it must start at 0 or later and not end before"},
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

func TestSessionSerdePassesOnWhatTheInnerSerdeSays(t *testing.T) {
	bad := errors.New("no")
	inner := serde.Func(func([]byte, string) ([]byte, error) { return nil, bad }, func([]byte) (string, error) { return "", bad })
	if _, err := window.SessionSerde(inner).Append(nil, window.Key[string]{}); !errors.Is(err, bad) {
		t.Errorf("Append: %v, want the inner error", err)
	}
	if _, err := window.SessionSerde(inner).Decode(make([]byte, 16)); !errors.Is(err, bad) {
		t.Errorf("Decode: %v, want the inner error", err)
	}
	for _, c := range []struct {
		inner serde.Serde[string]
		want  string
	}{{topical{}, "t"}, {serde.String(), ""}} {
		bound, err := window.SessionSerde(c.inner).(serde.TopicBinder[window.Key[string]]).ForTopic("t", true)
		if err != nil {
			t.Fatal(err)
		}
		if data, _ := bound.Append(nil, window.Key[string]{}); string(data[:len(data)-16]) != c.want {
			t.Errorf("the bound serde writes %q, want %q and two bounds", data, c.want)
		}
	}
}

func FuzzSessionSerde(f *testing.F) {
	f.Add([]byte("k\x00\x00\x00\x00\x00\x00\x00\x1e\x00\x00\x00\x00\x00\x00\x00\x19"))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := window.SessionSerde(serde.Bytes())
		k, err := s.Decode(data)
		if err != nil {
			return
		}
		if k.Start < 0 || k.End < k.Start {
			t.Fatalf("Decode(%x) = %v: not a session", data, k)
		}
		again, err := s.Append(nil, k)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is written as %x, %v", data, again, err)
		}
	})
}

func ExampleSession() {
	w := window.Session(30 * time.Second).Grace(10 * time.Second)
	from, to := w.Reach((100 * time.Second).Milliseconds())
	fmt.Printf("a record at 100 s joins the sessions that end at %d s or later and start at %d s or earlier\n", from/1000, to/1000)
	fmt.Printf("a session that ended before %d s is closed then\n", w.Open((100*time.Second).Milliseconds())/1000)
	// Output:
	// a record at 100 s joins the sessions that end at 70 s or later and start at 130 s or earlier
	// a session that ended before 60 s is closed then
}
