package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
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
type place struct {
	section byte
	key     []byte
	at      int64
}

// content is the value of a version, or none.
type content struct {
	value []byte
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
func versionedLayout(span int64) layout[place, content] {
	return layout[place, content]{
		appendKey: func(dst []byte, p place) ([]byte, error) {
			dst = append(dst, p.section)
			switch p.section {
			case inHistory:
				return appendEnded(dst, p, span), nil
			case inGraves:
				dst = appendTimestamp(dst, p.at)
			}
			return append(dst, p.key...), nil
		},
		decodeKey: decodePlace,
		ownKey: func(p place) place {
			p.key = bytes.Clone(p.key)
			return p
		},
		value:    contents{},
		ownValue: func(c content) content { return c },
	}
}

// appendEnded appends span, length of the key, key and end.
func appendEnded(dst []byte, p place, span int64) []byte {
	dst = binary.BigEndian.AppendUint32(appendTimestamp(dst, p.at/span), uint32(len(p.key)))
	return appendTimestamp(append(dst, p.key...), p.at)
}

var errDamaged = errors.New("state: a stored row is damaged: delete the state folder, it is rebuilt from the changelog")

func decodePlace(data []byte) (p place, err error) {
	if len(data) == 0 {
		return p, errDamaged
	}
	p.section, data = data[0], data[1:]
	switch p.section {
	case asNewest:
	case inHistory:
		n := len(data) - 8
		if n < 12 || uint64(binary.BigEndian.Uint32(data[8:])) != uint64(n-12) {
			return p, errDamaged
		}
		p.at = int64(binary.BigEndian.Uint64(data[n:]))
		data = data[12:n:n]
	default:
		return p, errDamaged
	}
	p.key = data
	return p, nil
}

// contents encodes the value of a version behind a byte that says whether there
// is one.
type contents struct{}

func (contents) Append(dst []byte, c content) ([]byte, error) {
	if c.none {
		return append(dst, 0), nil
	}
	return append(append(dst, 1), c.value...), nil
}

func (contents) Decode(data []byte) (c content, err error) {
	if len(data) == 0 {
		return c, errDamaged
	}
	if c.none = data[0] == 0; !c.none {
		c.value = data[1:]
	}
	return c, nil
}
