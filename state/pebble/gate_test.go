package pebble

import (
	"testing"
	"testing/synctest"
)

func TestGateWaitsForTheCallsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		for range 2 {
			if !g.enter() {
				t.Fatal("an open gate turned a call away")
			}
		}
		closed := make(chan bool, 1)
		go func() { closed <- g.close() }()
		synctest.Wait()
		if g.enter() {
			t.Error("a shut gate let a call in")
		}
		g.leave()
		synctest.Wait()
		if len(closed) != 0 {
			t.Fatal("close returned although a call is inside")
		}
		g.leave()
		synctest.Wait()
		if len(closed) != 1 || !<-closed {
			t.Error("close did not return when the last call had left")
		}
		if g.enter() {
			t.Error("a closed gate let a call in")
		}
		if g.close() {
			t.Error("a second close succeeded")
		}
	})
}

func TestAnEmptyGateClosesAtOnce(t *testing.T) {
	g := newGate()
	if g.enter() {
		g.leave()
	}
	if !g.close() {
		t.Error("the first close failed")
	}
}
