package state

import (
	"bytes"
	"testing"

	"github.com/tidemill/tidemill/serde"
)

// keyCase is a layout without its types.
type keyCase struct {
	name string
	keyBytes
	// again decodes a key of the backend and encodes it; make encodes one of these
	// parts.
	again func(key []byte) ([]byte, error)
	make  func(key []byte, at, other int64) ([]byte, error)
}

func caseOf[K, V any](name string, l layout[K, V], part func(key []byte, at, other int64) K) keyCase {
	return keyCase{
		name: name, keyBytes: l.keyBytes,
		again: func(key []byte) ([]byte, error) {
			k, err := l.decodeKey(key)
			if err != nil {
				return nil, err
			}
			return l.appendKey(nil, l.ownKey(k))
		},
		make: func(key []byte, at, other int64) ([]byte, error) { return l.appendKey(nil, part(key, at, other)) },
	}
}

func keyCases() []keyCase {
	key, value := serde.Bytes(), serde.Bytes()
	timeOf := func(key []byte) (int64, error) { return int64(len(key)), nil }
	return []keyCase{
		caseOf("plain", plainLayout(key, value), func(k []byte, _, _ int64) []byte { return k }),
		caseOf("window", windowLayout(key, value), func(k []byte, at, _ int64) Windowed[[]byte] { return Windowed[[]byte]{k, at} }),
		caseOf("session", spanLayout(key, value, leastWidth, sessionBytes()), func(k []byte, at, other int64) Span[[]byte] {
			return Span[[]byte]{Key: k, Start: min(at, other), End: max(at, other)}
		}),
		caseOf("sliding", spanLayout(key, value, leastWidth, slidingBytes(1000)), func(k []byte, at, other int64) Span[[]byte] {
			return Span[[]byte]{Key: k, Start: at, End: spanEnd(at, 1000), hidden: other%2 == 0}
		}),
		caseOf("history", versionedLayout(1<<10), func(k []byte, at, _ int64) place { return place{inHistory, k, at} }),
		caseOf("newest", versionedLayout(1<<10), func(k []byte, _, _ int64) place { return place{section: asNewest, key: k} }),
		caseOf("held", keyedLayout(&heldSerde{}), func(k []byte, at, _ int64) placing { return placing{at, k} }),
		caseOf("held by time", timedLayout(&heldSerde{}, timeOf), func(k []byte, _, _ int64) placing { return placing{int64(len(k)), k} }),
		caseOf("place", placeLayout(), func(k []byte, at, _ int64) placing { return placing{at, k} }),
		caseOf("due", dueLayout(key, value), func(k []byte, at, other int64) due[[]byte] { return due[[]byte]{at, k, uint32(other) & maxNumber} }),
	}
}

// Keys of all stores come back from the backend and from the changelog as they were,
// and bytes that are no key are an error.
func FuzzKeyLayouts(f *testing.F) {
	f.Add([]byte("key"), int64(5), int64(70_000))
	f.Add([]byte{}, int64(0), int64(0))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'k'}, int64(1<<40), int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, at, other int64) {
		at, other = max(at, 0), max(other, 0)
		for _, c := range keyCases() {
			_, _ = c.again(data) // must not panic
			key, err := c.make(data, at, other)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if again, err := c.again(key); err != nil || !bytes.Equal(again, key) {
				t.Errorf("%s: key %x comes back as %x, %v", c.name, key, again, err)
			}
			if c.toChangelog == nil {
				continue
			}
			if _, err := c.fromChangelog(nil, data); err != nil && len(data) >= boundsBytes {
				t.Errorf("%s: %d bytes of a changelog key: %v", c.name, len(data), err)
			}
			logged := c.toChangelog(nil, string(key))
			if back, err := c.fromChangelog(nil, logged); err != nil || !bytes.Equal(back, key) {
				t.Errorf("%s: key %x is %x in the changelog and %x, %v behind it", c.name, key, logged, back, err)
			}
		}
	})
}

// Keys of one store are in the backend in the order of their times.
func TestKeysAreInTheOrderOfTheirTimes(t *testing.T) {
	for _, c := range keyCases() {
		if c.name == "plain" || c.name == "newest" || c.name == "held" || c.name == "held by time" {
			continue
		}
		var last []byte
		for _, at := range []int64{0, 1, 255, 256, 59_999, 60_000, 1 << 32, 1 << 62} {
			key, err := c.make([]byte("k"), at, at)
			if err != nil || bytes.Compare(last, key) >= 0 {
				t.Errorf("%s: the key at %d is not behind the one before, %v", c.name, at, err)
			}
			last = key
		}
	}
}
