// Package sagatest runs sagas in virtual time, without a broker: participants do what
// a test says, replies are lost and repeated where it says so, and what happens is a
// transcript to compare.
//
//	k := sagatest.New(t, investigation)
//	k.Fail("assign-analyst", 1, sagas.Business(errors.New("nobody is free")))
//	k.Start("case-7", Investigation{Target: "10.0.0.7"})
//	k.Expect("case-7", sagas.Compensated)
package sagatest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/sagas"
)

// Kit is a world of one orchestrator, its participants and a clock.
type Kit struct {
	tb          testing.TB
	definitions []*sagas.Definition
	sagas       map[string]sagas.Instance
	timers      []timer
	queue       []sagas.Event
	now         int64
	script      script
	// done is what participants remember of each key, sent the ids of all commands.
	done map[string]memory
	sent map[string]bool
	text strings.Builder
}

type timer struct {
	sagas.Timer
	saga string
}

// New is a world whose orchestrator has these definitions. It begins at the Unix
// epoch.
func New(tb testing.TB, definitions ...sagas.Defined) *Kit {
	tb.Helper()
	k := &Kit{tb: tb, sagas: map[string]sagas.Instance{}, done: map[string]memory{}, sent: map[string]bool{}}
	for _, d := range definitions {
		if err := d.Definition().Err(); err != nil {
			tb.Fatal(err)
		}
		k.definitions = append(k.definitions, d.Definition())
	}
	return k
}

// Start begins a saga of the first definition, and lets happen what follows from it
// at once.
func (k *Kit) Start[D any](id string, data D) {
	k.tb.Helper()
	d := k.definitions[0]
	e := sagas.Start(d.Name(), data)
	e.Version = d.Version()
	k.Send(id, e)
}

// Send gives the orchestrator an event, and lets happen what follows from it at once.
func (k *Kit) Send(id string, e sagas.Event) {
	k.tb.Helper()
	e.Saga = id
	k.linef("! %s %s%s", e.Type, e.Name, e.Step)
	k.queue = append(k.queue, e)
	k.run()
}

// Signal sends a signal, each with an id of its own.
func (k *Kit) Signal[S any](id, name string, data S) {
	k.tb.Helper()
	k.Send(id, sagas.Signal(name, "", data))
}

// Advance moves the clock, and lets the timers come due on the way, each at its time.
func (k *Kit) Advance(by time.Duration) {
	k.tb.Helper()
	end := k.now + by.Milliseconds()
	for k.fire(end) {
	}
	k.now = end
}

// Settle lets timers come due until a saga has ended or is parked, or there is none
// left. It fails the test if that takes more than a thousand.
func (k *Kit) Settle(id string) {
	k.tb.Helper()
	for range 1000 {
		if s := k.sagas[id].Status; s.Ended() || s == sagas.Parked || !k.fire(1<<62) {
			return
		}
	}
	k.tb.Fatalf("saga %q is %s and does not come to an end:\n%s", id, k.sagas[id].Status, k.Transcript())
}

// fire lets the earliest timer come due, if it does by then.
func (k *Kit) fire(by int64) bool {
	first := -1
	for at, t := range k.timers {
		if t.Due <= by && (first < 0 || t.Due < k.timers[first].Due) {
			first = at
		}
	}
	if first < 0 {
		return false
	}
	t := k.timers[first]
	k.timers = append(k.timers[:first], k.timers[first+1:]...)
	k.now = max(k.now, t.Due)
	k.linef("* %s", t.Step)
	k.queue = append(k.queue, sagas.Event{Type: sagas.EventTimer, Saga: t.saga, Step: t.Step, Due: t.Due})
	k.run()
	return true
}

// run handles events until there is none left.
func (k *Kit) run() {
	k.tb.Helper()
	for len(k.queue) > 0 {
		e := k.queue[0]
		k.queue = k.queue[1:]
		e.At = k.now
		k.step(e)
	}
}

// step gives one event to its saga.
func (k *Kit) step(e sagas.Event) {
	k.tb.Helper()
	before := k.sagas[e.Saga]
	d := k.definition(before, e)
	if d == nil {
		k.linef("? no definition %s", e.Definition)
		return
	}
	after, effects := sagas.Step(d, before, e)
	if effects.Useless != "" {
		k.linef("? %s: %s", e.Type, effects.Useless)
	}
	k.keep(e.Saga, after, effects)
	for _, t := range effects.Audit {
		k.linef("  %s", t)
	}
	for _, a := range effects.Answers {
		a.Event.Saga = a.Saga
		k.queue = append(k.queue, a.Event)
	}
	for _, c := range effects.Commands {
		k.command(d, c)
	}
}

// definition is that of a saga, or that of the event that starts it.
func (k *Kit) definition(i sagas.Instance, e sagas.Event) *sagas.Definition {
	name, version := i.Definition, i.Version
	if i.ID == "" {
		name, version = e.Definition, e.Version
	}
	for _, d := range k.definitions {
		if d.Name() == name && (version == 0 || version == d.Version()) || name == "" {
			return d
		}
	}
	return nil
}

// keep stores an instance as an orchestrator does, with its timers.
func (k *Kit) keep(id string, i sagas.Instance, effects sagas.Effects) {
	k.tb.Helper()
	for _, t := range effects.Cancelled {
		k.timers = without(k.timers, timer{t, id})
	}
	for _, t := range effects.Timers {
		k.timers = append(k.timers, timer{t, id})
	}
	if effects.Forget {
		delete(k.sagas, id)
		k.linef("  %s is forgotten", id)
		return
	}
	data, err := i.Encode()
	if err == nil {
		i, err = sagas.DecodeInstance(data)
	}
	if err != nil {
		k.tb.Fatal(err)
	}
	if i.ID != "" {
		k.sagas[id] = i
	}
}

func without(timers []timer, gone timer) (left []timer) {
	for _, t := range timers {
		if t != gone {
			left = append(left, t)
		}
	}
	return left
}

// command has a participant, a function or another saga do something.
func (k *Kit) command(d *sagas.Definition, c sagas.Command) {
	k.tb.Helper()
	if k.sent[c.ID] {
		k.tb.Fatalf("command %s is sent twice:\n%s", c.ID, k.Transcript())
	}
	k.sent[c.ID] = true
	if c.Start != nil {
		k.linef("> saga %s: %s", c.RecordKey, c.Start.Type)
		start := *c.Start
		start.Saga = c.RecordKey
		k.queue = append(k.queue, start)
		return
	}
	reply := k.serve(d, c)
	reply.Saga = c.Saga
	k.linef("> %s %s %s", c.ID, c.Name, c.Data)
	times := k.script.times(c)
	k.linef("< %s%s%s", reply.Outcome, text(" ", reply.Error), fate(times))
	for range times {
		k.queue = append(k.queue, reply)
	}
}

// serve is the participant of a command, or the call of a function.
func (k *Kit) serve(d *sagas.Definition, c sagas.Command) sagas.Event {
	if err, planned := k.script.failure(c); planned {
		return sagas.Reply(c.ID, nil, err)
	}
	if c.Topic == "" {
		return d.Call(context.Background(), c)
	}
	return k.participant(c)
}

func text(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

func fate(times int) string {
	switch times {
	case 0:
		return ", lost"
	case 1:
		return ""
	}
	return fmt.Sprintf(", %d times", times)
}

func (k *Kit) linef(format string, args ...any) {
	at := time.Duration(k.now) * time.Millisecond
	fmt.Fprintf(&k.text, "%8s %s\n", at, fmt.Sprintf(format, args...))
}

// Transcript is what has happened so far: events (!), timers (*), transitions,
// commands (>), their replies (<), and what was of no use (?).
func (k *Kit) Transcript() string { return k.text.String() }

// Instance is a saga as it is now; zero if there is none.
func (k *Kit) Instance(id string) sagas.Instance { return k.sagas[id] }

// Expect settles a saga and fails the test if it is not in this status then.
func (k *Kit) Expect(id string, want sagas.Status) {
	k.tb.Helper()
	k.Settle(id)
	if got := k.sagas[id].Status; got != want {
		k.tb.Fatalf("saga %q is %q, want %q:\n%s", id, got, want, k.Transcript())
	}
}
