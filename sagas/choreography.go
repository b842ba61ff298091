package sagas

import (
	"errors"
	"fmt"
	"slices"
)

// Choreography is a flow that nobody conducts: services react to events and emit the
// next ones. Each event is a topic of that name. The declarations say what leads to
// what, so that the flow can be checked, drawn (Describe, Mermaid), run (AddTo) and
// watched (Monitor).
type Choreography struct {
	Name string
	// Reactions are what services do on events; see On.
	Reactions []Reaction
	// Begins are the events that come from outside, Ends those that nobody reacts to.
	Begins, Ends []string
}

// Reaction is what a service does on an event.
type Reaction struct {
	event, service string
	emits          []string
	// awaited says that one of the events follows, always.
	awaited bool
	react   func(*Moment, []byte) error
	uses    []storeRef
}

// Emits declares the events of which at least one follows.
func (r Reaction) Emits(events ...string) Reaction {
	r.emits, r.awaited = append(slices.Clip(r.emits), events...), true
	return r
}

// MayEmit declares events that may follow.
func (r Reaction) MayEmit(events ...string) Reaction {
	r.emits = append(slices.Clip(r.emits), events...)
	return r
}

// Check reports everything that does not fit together: an event that nobody emits or
// nobody reacts to, and one that no beginning leads to.
func (c Choreography) Check() error {
	var faults []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("sagas: choreography %q: "+format, append([]any{c.Name}, args...)...))
		}
	}
	check(c.Name == "", "it needs a Name")
	check(len(c.Begins) == 0, "it needs Begins: the events that come from outside")
	emitted, consumed := c.emitted(), c.consumed()
	for i, r := range c.Reactions {
		check(r.event == "" || r.service == "" || r.react == nil, "a reaction needs an event, a service and a function: make it with On")
		twice := slices.IndexFunc(c.Reactions[:i], func(o Reaction) bool { return o.event == r.event && o.service == r.service })
		check(twice >= 0, "service %q reacts twice to event %q: make one reaction of the two", r.service, r.event)
	}
	for _, event := range c.Events() {
		begins, ends := slices.Contains(c.Begins, event), slices.Contains(c.Ends, event)
		check(!emitted[event] && !begins, "nobody emits event %q: name it among Begins if it comes from outside", event)
		check(!consumed[event] && !ends, "nobody reacts to event %q: name it among Ends if that is meant", event)
		check(consumed[event] && ends, "event %q is among Ends, but there are reactions to it: take it out", event)
	}
	for event := range reachable(c) {
		delete(emitted, event)
	}
	for _, event := range sorted(emitted) {
		check(true, "no beginning leads to event %q", event)
	}
	return errors.Join(faults...)
}

// Events are all events, in the order in which they are declared.
func (c Choreography) Events() (all []string) {
	add := func(events ...string) {
		for _, e := range events {
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	add(c.Begins...)
	for _, r := range c.Reactions {
		add(r.event)
		add(r.emits...)
	}
	add(c.Ends...)
	return all
}

func (c Choreography) emitted() map[string]bool {
	all := map[string]bool{}
	for _, r := range c.Reactions {
		for _, e := range r.emits {
			all[e] = true
		}
	}
	return all
}

func (c Choreography) consumed() map[string]bool {
	all := map[string]bool{}
	for _, r := range c.Reactions {
		all[r.event] = true
	}
	return all
}

// reachable are the events that the beginnings lead to.
func reachable(c Choreography) map[string]bool {
	reached, todo := map[string]bool{}, slices.Clone(c.Begins)
	for len(todo) > 0 {
		event := todo[0]
		todo = todo[1:]
		if reached[event] {
			continue
		}
		reached[event] = true
		for _, r := range c.Reactions {
			if r.event == event {
				todo = append(todo, r.emits...)
			}
		}
	}
	return reached
}

func sorted(set map[string]bool) (all []string) {
	for e := range set {
		all = append(all, e)
	}
	slices.Sort(all)
	return all
}

// reactionsTo are the reactions to an event, by the given services or by all.
func (c Choreography) reactionsTo(event string, services []string) (all []Reaction) {
	for _, r := range c.Reactions {
		if r.event == event && (len(services) == 0 || slices.Contains(services, r.service)) {
			all = append(all, r)
		}
	}
	return all
}
