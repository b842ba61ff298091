package nfa

// Event is an event that is at hand or kept. Its Value is opaque here, its Payload
// are the bytes that it is kept as. One of the two is enough.
type Event struct {
	Time    int64
	Payload []byte
	Value   any
}

// State is what is kept of a key. It is never changed once it is saved; nil is the
// state of a key of which nothing is kept.
type State struct {
	events  []Event // in the order in which they were processed
	nodes   []node  // each behind the one before it
	runs    []run   // in the order of their first events
	done    []match // found, but they have to wait for earlier runs
	waiting []Event // not processed yet, by time
	// Timer is when the key was to be looked at when the state was saved, or Never.
	Timer int64
}

// node is an event taken by a stage.
type node struct {
	prev, event int32
	stage       uint8
}

// run is a partial match.
type run struct {
	first, node int32 // its first event, and its last node
	count       int32 // events of its last stage
	targets     uint64
	over        uint64 // greedy stages whose end has come
	fresh       bool   // no event has come since its stage had enough, and one must not come next
	matched     bool   // it is a match as it is
}

// match is a whole match.
type match struct {
	first, node int32
	at          int64 // when it was complete
}

// Events is how many events are kept.
func (s *State) Events() int { return len(s.events) + len(s.waiting) }

// Runs is how many partial matches there are.
func (s *State) Runs() int { return len(s.runs) }

// Taken are the events that a partial match has taken so far.
type Taken struct {
	nodes  []node
	events []Event
	last   int32
	// Names are the names of the stages.
	Names []string
}

// Backward visits the events from the last to the first, with the stages that took
// them, as numbers of Names, until visit returns false.
func (t Taken) Backward(visit func(stage int, e *Event) bool) {
	for at := t.last; at >= 0; at = t.nodes[at].prev {
		if !visit(int(t.nodes[at].stage), &t.events[t.nodes[at].event]) {
			return
		}
	}
}
