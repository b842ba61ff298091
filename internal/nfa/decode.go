package nfa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errCut = errors.New("the state is cut off or damaged")

// Decode is the inverse of Append. The state shares no memory with the bytes.
func (n *NFA) Decode(from []byte) (*State, error) {
	if len(from) < 5 {
		return nil, errCut
	}
	if from[0] != format {
		return nil, fmt.Errorf("the state has format %d, this version knows %d", from[0], format)
	}
	if binary.BigEndian.Uint32(from[1:]) != n.fingerprint {
		return nil, ErrPattern
	}
	r, s := &reader{left: from[5:]}, &State{}
	s.Timer = r.signed()
	s.events = r.events()
	r.nodes(s, len(n.stages))
	r.runs(s)
	r.done(s)
	s.waiting = r.events()
	switch {
	case r.err != nil:
		return nil, r.err
	case len(r.left) > 0:
		return nil, fmt.Errorf("%d bytes follow the state", len(r.left))
	case !n.possible(s):
		return nil, errCut
	}
	return s, nil
}

// possible says whether a state is one that the pattern can come to: chains go forward,
// and runs wait for what may follow.
func (n *NFA) possible(s *State) bool {
	for _, at := range s.nodes {
		if at.prev >= 0 && (s.nodes[at.prev].event >= at.event || s.nodes[at.prev].stage > at.stage) {
			return false
		}
	}
	for i, r := range s.runs {
		stage := s.nodes[r.node].stage
		may := n.leave[stage]
		if n.stages[stage].loops() {
			may |= 1 << stage
		}
		if r.targets == 0 || r.targets&^may != 0 || i > 0 && s.runs[i-1].first > r.first {
			return false
		}
	}
	return true
}

// reader reads numbers until one is wrong.
type reader struct {
	left []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.left = err, nil
	}
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.left)
	if n <= 0 {
		r.fail(errCut)
		return 0
	}
	r.left = r.left[n:]
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.left)
	if n <= 0 {
		r.fail(errCut)
		return 0
	}
	r.left = r.left[n:]
	return v
}

// below reads a number that is less than a bound.
func (r *reader) below(bound int) int32 {
	v := r.number()
	if v >= uint64(bound) {
		r.fail(errCut)
		return 0
	}
	return int32(v)
}

// length reads how many things follow, each of which takes some bytes.
func (r *reader) length(each int) int {
	n := r.number()
	if n > uint64(len(r.left)/each) {
		r.fail(errCut)
		return 0
	}
	return int(n)
}

func (r *reader) events() (events []Event) {
	n, at := r.length(2), int64(0)
	for range n {
		at += r.signed()
		size := r.length(1)
		if r.err != nil {
			return nil
		}
		events = append(events, Event{Time: at, Payload: append([]byte{}, r.left[:size]...)})
		r.left = r.left[size:]
	}
	return events
}

func (r *reader) nodes(s *State, stages int) {
	n := r.length(3)
	for i := range n {
		back := r.below(i + 1)
		node := node{prev: int32(i) - back, event: r.below(len(s.events)), stage: uint8(r.below(stages))}
		if back == 0 {
			node.prev = -1
		}
		s.nodes = append(s.nodes, node)
	}
}

func (r *reader) runs(s *State) {
	n := r.length(6)
	for range n {
		run := run{first: r.below(len(s.events)), node: r.below(len(s.nodes)), count: r.below(1 << 31), targets: r.number(), over: r.number()}
		flags := r.below(4)
		run.fresh, run.matched = flags&1 != 0, flags&2 != 0
		s.runs = append(s.runs, run)
	}
}

func (r *reader) done(s *State) {
	n := r.length(3)
	for range n {
		s.done = append(s.done, match{first: r.below(len(s.events)), node: r.below(len(s.nodes)), at: r.signed()})
	}
}
