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

// Append appends an encoded state. The values of events are not encoded, only their
// payloads.
func (n *NFA) Append(to []byte, s *State) []byte {
	to = append(to, format)
	to = binary.BigEndian.AppendUint32(to, n.fingerprint)
	to = binary.AppendVarint(to, s.Timer)
	to = appendEvents(to, s.events)
	to = binary.AppendUvarint(to, uint64(len(s.nodes)))
	for i, at := range s.nodes {
		back := uint64(0) // 0 is none, else how far back the node before is
		if at.prev >= 0 {
			back = uint64(i) - uint64(at.prev)
		}
		to = appendAll(to, back, uint64(at.event), uint64(at.stage))
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

func (p Pattern) fingerprint() uint32 {
	h := fnv.New32a()
	for _, s := range p.Stages {
		fmt.Fprintf(h, "%q %d %d %d %t %t;", s.Name, s.Absent, s.Min, s.Max, s.Optional, s.Enough != nil)
	}
	return h.Sum32()
}
