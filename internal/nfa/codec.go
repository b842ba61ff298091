package nfa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// format is the first byte of an encoded state.
const format = 1

// ErrPattern says that a state was saved for another pattern.
var ErrPattern = errors.New("the state is of another pattern, whose partial matches cannot be gone on with: give the changed pattern a store of another name, or reset the application")

// Codec encodes the states of a pattern.
type Codec struct {
	*NFA
	// Value makes the value of an event of its payload.
	Value func(payload []byte) (any, error)
}

// Append appends an encoded state.
func (c Codec) Append(to []byte, s *State) []byte {
	to = append(to, format)
	to = binary.BigEndian.AppendUint32(to, c.fingerprint())
	to = binary.AppendVarint(to, s.Timer)
	to = appendEvents(to, s.events)
	to = binary.AppendUvarint(to, uint64(len(s.nodes)))
	for i, n := range s.nodes {
		back := uint64(0) // 0 is none, else how far back the node before is
		if n.prev >= 0 {
			back = uint64(i) - uint64(n.prev)
		}
		to = appendAll(to, back, uint64(n.event), uint64(n.stage))
	}
	to = binary.AppendUvarint(to, uint64(len(s.runs)))
	for _, r := range s.runs {
		to = appendAll(to, uint64(r.first), uint64(r.node), uint64(r.count), r.targets, r.over, flag(r.fresh)|flag(r.matched)<<1)
	}
	to = binary.AppendUvarint(to, uint64(len(s.done)))
	for _, d := range s.done {
		to = appendAll(to, uint64(d.first), uint64(d.node))
		to = binary.AppendVarint(to, d.at)
	}
	return appendEvents(to, s.waiting)
}

func appendEvents(to []byte, events []Event) []byte {
	to = binary.AppendUvarint(to, uint64(len(events)))
	before := int64(0)
	for _, e := range events {
		to = binary.AppendVarint(to, e.Time-before)
		to = binary.AppendUvarint(to, uint64(len(e.Payload)))
		to = append(to, e.Payload...)
		before = e.Time
	}
	return to
}

func appendAll(to []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		to = binary.AppendUvarint(to, n)
	}
	return to
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// fingerprint tells patterns apart whose states do not fit each other.
func (n *NFA) fingerprint() uint32 {
	h := fnv.New32a()
	for _, s := range n.Pattern.Stages {
		fmt.Fprintf(h, "%q %d %d %d %t %t;", s.Name, s.Absent, s.Min, s.Max, s.Optional, s.Enough != nil)
	}
	return h.Sum32()
}
