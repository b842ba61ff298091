package task

import (
	"time"

	"github.com/tidemill/tidemill/processors"
)

// line is the calls of one operator. Those of one key are a chain, of which only
// the first is made.
type line struct {
	rules  processors.CallRules
	chains map[uint32]chain
	// ready are calls that may be made when there is room; head is the first.
	ready []*Call
	head  int
	// pending counts all calls, running those that were handed out, which they stay
	// while they wait to be made again.
	pending, running int
	// took is how long a call is expected to take, in milliseconds.
	took float64
	// patience is how long the calls of a chain may be expected to take before no
	// more records are taken, limit how long they must never take; 0 is no limit.
	patience, limit float64
	// long is the key of a chain that was beyond patience, if isLong.
	long   uint32
	isLong bool
}

// chain is the calls of one key that are not over, the first of which is made.
type chain struct {
	last *Call
	n    int
}

// chainPatience is how long, in milliseconds, a commit should have to wait for
// calls that wait for each other, beside the one that it always has to wait for.
const chainPatience = 1000

// newLine expects calls to take as long as they can, until it knows better. limit is
// in milliseconds, 0 for none.
func newLine(rules processors.CallRules, limit float64) *line {
	l := &line{rules: rules, chains: map[uint32]chain{}, took: chainPatience, patience: chainPatience, limit: limit}
	if rules.Timeout > 0 {
		l.took = float64(rules.Longest().Milliseconds())
	}
	if rules.Patient {
		l.took = 0
	}
	if limit > 0 {
		l.patience = min(l.patience, limit)
	}
	return l
}

// timeout is how long the context of a call lasts. That of a patient one must leave
// time for the call behind it.
func (l *line) timeout() time.Duration {
	if l.rules.Patient && l.limit > 0 {
		return min(l.rules.Timeout, time.Duration(l.limit/4)*time.Millisecond)
	}
	return l.rules.Timeout
}

// admit puts a call behind those of its key.
func (l *line) admit(c *Call) {
	l.pending++
	if !c.asked.Ordered {
		l.ready = append(l.ready, c)
		return
	}
	of := l.chains[c.asked.Key]
	if of.n == 0 {
		l.ready = append(l.ready, c)
	} else {
		of.last.next = c
	}
	of.last, of.n = c, of.n+1
	l.chains[c.asked.Key] = of
	if l.beyondPatience(of.n) {
		l.long, l.isLong = c.asked.Key, true
	}
}

// start hands out as many calls as there is room for.
func (l *line) start(dst []*Call, now int64) []*Call {
	for ; l.head < len(l.ready) && l.running < l.rules.Concurrency; l.head++ {
		c := l.ready[l.head]
		l.ready[l.head] = nil
		l.running++
		c.began = now
		dst = append(dst, c)
	}
	if l.head == len(l.ready) {
		l.ready, l.head = l.ready[:0], 0
	}
	return dst
}

// finish takes a call out and makes the next one of its key ready.
func (l *line) finish(c *Call, now int64) {
	l.pending--
	l.running--
	l.took = max(float64(now-c.began), l.took*3/4)
	if !c.asked.Ordered {
		return
	}
	of := l.chains[c.asked.Key]
	if of.n == 1 {
		delete(l.chains, c.asked.Key)
		return
	}
	of.n--
	l.chains[c.asked.Key] = of
	l.ready = append(l.ready, c.next)
}

// full says whether no more records should be taken for now.
func (l *line) full() bool {
	l.isLong = l.isLong && l.beyondPatience(l.chains[l.long].n)
	return l.isLong || l.pending >= l.rules.Concurrency
}

// beyondPatience says whether that many calls of one key, of which the first would
// have to be waited for anyway, take too long.
func (l *line) beyondPatience(n int) bool { return n > 1 && float64(n)*l.took > l.patience }

// tooSlow says whether one more call of a key would exceed the limit.
func (l *line) tooSlow(key uint32) bool {
	n := l.chains[key].n
	return l.limit > 0 && n > 0 && float64(n+1)*l.took > l.limit
}
