package state

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/tidemill/tidemill/serde"
)

// The sections of a versioned store in the backend. History comes first, so that
// what expires is a range from the beginning.
const (
	// inHistory are the versions that have ended, by the span of time in which they
	// ended, their key and their end.
	inHistory byte = iota
	// asNewest is the newest version of each key.
	asNewest
	// inGraves are the newest versions without a value, by the time at which they
	// began: they are of no use when the history no longer reaches back to it.
	inGraves
	// inAbout is one row: the time of the store and the length of its spans.
	inAbout
)

// place is where a version is. at is when it ended, in the history, or began, among
// the graves.
type place[K any] struct {
	section byte
	key     K
	at      int64
}

// content is the value of a version, or none.
type content[V any] struct {
	value V
	none  bool
}

// spanOf makes the history some four to eight spans long, so that little of it is
// kept for too long and few are to be looked through. It is a power of two, which
// stays the same for most changes of the retention.
func spanOf(retention int64) int64 {
	return 1 << max(0, bits.Len64(uint64(retention)/4)-1)
}

// versionedLayout keeps the versions of a key together, in the order in which they
// ended. The key is counted, so that no other key's can lie between them.
func versionedLayout[K, V any](key serde.Serde[K], value serde.Serde[V], span int64) layout[place[K], content[V]] {
	own, ownValue := owning(key), owning(value)
	return layout[place[K], content[V]]{
		appendKey: func(dst []byte, p place[K]) ([]byte, error) {
			dst = append(dst, p.section)
			switch p.section {
			case inHistory:
				return appendEnded(dst, key, p, span)
			case inGraves:
				dst = appendTimestamp(dst, p.at)
			}
			return key.Append(dst, p.key)
		},
		decodeKey: func(data []byte) (p place[K], err error) { return decodePlace(key, data) },
		ownKey: func(p place[K]) place[K] {
			p.key = own(p.key)
			return p
		},
		value: contents[V]{value},
		ownValue: func(c content[V]) content[V] {
			if !c.none {
				c.value = ownValue(c.value)
			}
			return c
		},
	}
}

// appendEnded appends span, length of the key, key and end.
func appendEnded[K any](dst []byte, key serde.Serde[K], p place[K], span int64) ([]byte, error) {
	dst = append(appendTimestamp(dst, p.at/span), 0, 0, 0, 0)
	at := len(dst)
	dst, err := key.Append(dst, p.key)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	return appendTimestamp(dst, p.at), nil
}

var errPlace = errors.New("state: a row of a versioned store has a damaged key: delete the state folder, it is rebuilt from the changelog")

func decodePlace[K any](key serde.Serde[K], data []byte) (p place[K], err error) {
	if len(data) == 0 {
		return p, errPlace
	}
	p.section, data = data[0], data[1:]
	switch p.section {
	case asNewest:
	case inHistory:
		n := len(data) - 8
		if n < 12 || uint64(binary.BigEndian.Uint32(data[8:])) != uint64(n-12) {
			return p, errPlace
		}
		p.at = int64(binary.BigEndian.Uint64(data[n:]))
		data = data[12:n:n]
	default:
		return p, errPlace
	}
	p.key, err = key.Decode(data)
	return p, err
}

// contents encodes the value of a version behind a byte that says whether there
// is one.
type contents[V any] struct{ value serde.Serde[V] }

func (s contents[V]) Append(dst []byte, c content[V]) ([]byte, error) {
	if c.none {
		return append(dst, 0), nil
	}
	return s.value.Append(append(dst, 1), c.value)
}

func (s contents[V]) Decode(data []byte) (c content[V], err error) {
	if len(data) == 0 {
		return c, errPlace
	}
	if c.none = data[0] == 0; c.none {
		return c, nil
	}
	c.value, err = s.value.Decode(data[1:])
	return c, err
}
