package topology

import (
	"reflect"

	"github.com/tidemill/tidemill/processors"
)

// LateOption is an option of operators that drop late records.
type LateOption struct{ apply func(*settings) }

// OnLate hands the records that the operator drops because they are late to a stream of
// their own: f is called once, while the topology is built, and says what becomes of it.
// In a join of two streams it has the records of this stream that came too late to be
// kept for the other, in a windowed cogroup those of the stream that it comes with.
func OnLate[K, V any](f func(late *Stream[K, V])) LateOption {
	return LateOption{func(s *settings) { s.late = f }}
}

func (o LateOption) change(s *settings) { o.apply(s) }
func (o LateOption) streamJoin()        {}
func (o LateOption) deduplicate()       {}
func (o LateOption) cogroup()           {}

// OnOtherLate is OnLate for the other stream of a join.
func OnOtherLate[K, V any](f func(late *Stream[K, V])) JoinOption {
	return JoinOption{func(s *settings) { s.otherLate = f }}
}

// pickLate hands the late records of a node to what an option chose, if it did.
func pickLate[K, V any](of flow[K, V], n *node, chosen any) {
	if chosen == nil {
		return
	}
	f, ok := chosen.(func(*Stream[K, V]))
	if !ok {
		of.b.fault("%s: OnLate was given a %T, want a %s", at(n.name), chosen, reflect.TypeOf(f))
		return
	}
	handLate(of, n, f)
}

// handLate enters the stream of the late records of a node. They are as the flow before
// it has them.
func handLate[K, V any](of flow[K, V], n *node, f func(*Stream[K, V])) {
	if f == nil {
		return
	}
	n.late = addProcessor(of.b, n.name+"-late", nil, processors.Pass[K, V](), n)
	f(&Stream[K, V]{of.on(n.late)})
}

// assembleLate makes what follows on the late records of a node.
func assembleLate[K, V any](a *assembly, n *node) error {
	if n.late == nil {
		return nil
	}
	to, err := contextTo[K, V](a, n, []*node{n.late})
	if err == nil {
		processors.OnLate(a.task, n.id, to)
	}
	return err
}
