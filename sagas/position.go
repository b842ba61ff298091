package sagas

import (
	"slices"
)

// FlowStatus is where a flow of a choreography is.
type FlowStatus string

// The statuses of a flow.
const (
	// Moving says that a reaction is to come, Stuck that it has been for too long.
	Moving FlowStatus = "moving"
	Stuck  FlowStatus = "stuck"
	// Over says that no reaction is to come any more.
	Over FlowStatus = "over"
)

// Position is where a flow is, as a Monitor writes it.
type Position struct {
	Choreography string     `json:"choreography"`
	Flow         string     `json:"flow"`
	Status       FlowStatus `json:"status"`
	// Waiting are the reactions that are to come, the one that is longest due first.
	Waiting []Awaited `json:"waiting,omitzero"`
	// Seen are the events of the flow in the order in which the monitor met them.
	Seen []Sighting `json:"seen"`
	// Due is the monitor's timer.
	Due int64 `json:"due,omitzero"`
}

// Awaited is a reaction that is to come.
type Awaited struct {
	Service string `json:"service"`
	Event   string `json:"event"`
	Since   int64  `json:"since"`
}

// Sighting is an event that the monitor has met.
type Sighting struct {
	ID      string `json:"id"`
	Event   string `json:"event"`
	Cause   string `json:"cause,omitzero"`
	Service string `json:"service,omitzero"`
	At      int64  `json:"at"`
}

// mostSightings bounds what is remembered of a flow.
const mostSightings = 256

// meet adds an event to a position. An event may come before the one that has led to
// it, since they are in different topics.
func (c Choreography) meet(p *Position, s Sighting) (fresh bool) {
	if slices.ContainsFunc(p.Seen, func(have Sighting) bool { return have.ID == s.ID }) {
		return false
	}
	p.Seen = append(p.Seen, s)
	p.Seen = p.Seen[max(0, len(p.Seen)-mostSightings):]
	p.Waiting = c.waiting(p.Seen)
	return true
}

// waiting are the reactions to events that were met, whose own events were not.
func (c Choreography) waiting(seen []Sighting) (all []Awaited) {
	for _, s := range seen {
		for _, r := range c.reactionsTo(s.Event, nil) {
			answered := slices.ContainsFunc(seen, func(o Sighting) bool { return o.Cause == s.ID && o.Service == r.service })
			if r.awaited && !answered {
				all = append(all, Awaited{r.service, s.Event, s.At})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Awaited) int { return int(a.Since - b.Since) })
	return all
}

// judge says what has become of the flow by now, and when to look again; 0 is never.
func (p *Position) judge(now, patience int64) (again int64) {
	switch {
	case len(p.Waiting) == 0:
		p.Status = Over
		return 0
	case now-p.Waiting[0].Since >= patience:
		p.Status = Stuck
		return 0
	}
	p.Status = Moving
	return p.Waiting[0].Since + patience
}
