package pebble

import "sync/atomic"

// gate counts the calls inside the database, so that Close can wait for them and
// turn later ones away: Pebble panics if it is used after its own Close. It is
// not a sync.RWMutex because calls nest: yield may use the backend.
type gate struct {
	calls atomic.Int64 // those inside, plus shutBias once it is shut
	shut  atomic.Bool
	empty chan struct{} // room for one signal
}

const shutBias = -1 << 62

func newGate() *gate { return &gate{empty: make(chan struct{}, 1)} }

// enter begins a call, which ends with leave. It returns false if the gate is
// shut; then there is nothing to leave.
func (g *gate) enter() bool {
	if g.calls.Add(1) > 0 {
		return true
	}
	g.leave()
	return false
}

func (g *gate) leave() {
	if g.calls.Add(-1) != shutBias {
		return
	}
	select {
	case g.empty <- struct{}{}:
	default: // a call that was turned away came after the last one
	}
}

// close shuts the gate and waits until no call is inside. It returns false if
// the gate was shut before.
func (g *gate) close() bool {
	if !g.shut.CompareAndSwap(false, true) {
		return false
	}
	if g.calls.Add(shutBias) != shutBias {
		<-g.empty
	}
	return true
}
