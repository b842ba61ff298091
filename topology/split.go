package topology

import (
	"strconv"

	"github.com/tidemill/tidemill/processors"
)

// Split is a stream being divided: each record goes to the first branch that
// accepts it.
type Split[K, V any] struct {
	from  *Stream[K, V]
	n     *node
	tests []func(K, V) bool
	ended bool
}

// Split begins to divide the stream into branches.
//
//	--1--7--3--9-->
//	Split().Branch(v > 5)  --7--9-->   .Default()  --1--3-->
func (s *Stream[K, V]) Split(options ...OperatorOption) *Split[K, V] {
	split := &Split[K, V]{from: s}
	name := s.b.named(settingsOf(options).name, "KSTREAM-BRANCH-")
	split.n = addProcessor(s.b, name, nil, func(c *processors.Context[K, V]) (processors.Processor[K, V], error) {
		return processors.Branch(split.tests)(c)
	}, s.n)
	split.n.keeps = true
	s.b.split = append(s.b.split, split.n)
	return split
}

// Branch is the stream of the records that test accepts and no earlier branch did.
// Its name is added to that of the split.
func (s *Split[K, V]) Branch(test func(K, V) bool, options ...OperatorOption) *Stream[K, V] {
	if s.ended {
		s.from.b.fault("node %q: a branch behind Default never gets a record: put it before", s.n.name)
	}
	return s.add(test, settingsOf(options).name, strconv.Itoa(len(s.tests)+1))
}

// Default is the stream of the records that no branch accepts. Without it they
// are dropped.
func (s *Split[K, V]) Default(options ...OperatorOption) *Stream[K, V] {
	s.ended = true
	return s.add(nil, settingsOf(options).name, "0")
}

func (s *Split[K, V]) add(test func(K, V) bool, name, number string) *Stream[K, V] {
	s.from.b.index++
	if name == "" {
		name = number
	}
	s.tests = append(s.tests, test)
	return &Stream[K, V]{s.from.keptBy(addProcessor(s.from.b, s.n.name+name, nil, processors.Pass[K, V](), s.n))}
}
