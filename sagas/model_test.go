package sagas_test

import (
	"bytes"
	"encoding/json/v2"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/sagas"
)

// world is one saga with everything around it: what is on its way, what participants
// have done, and what may still go wrong.
type world struct {
	Saga sagas.Instance
	// Commands and Replies are on their way, in no order.
	Commands []sagas.Command
	Replies  []sagas.Event
	Timers   []sagas.Timer
	Done     map[string]effect
	// Faults and Signals are how many more there may be.
	Faults  int
	Signals []string
	path    []string
}

// effect is what a participant has done under a key, and what it remembers.
type effect struct {
	Did, Undid int
	Answer     sagas.Outcome
	Undone     bool
}

// explorer walks through all worlds that can come of a first one.
type explorer struct {
	t     *testing.T
	d     *sagas.Definition
	seen  map[string]bool
	ended map[sagas.Status]int
}

// explore takes every move that is possible, once for each world.
func (x *explorer) explore(w world) {
	key, err := json.Marshal(w, json.Deterministic(true))
	if err != nil {
		x.t.Fatal(err)
	}
	if x.seen[string(key)] || x.t.Failed() {
		return
	}
	x.seen[string(key)] = true
	for i := range w.Commands {
		x.serve(w, i)
	}
	for i := range w.Replies {
		x.deliver(w, i)
	}
	quiet := len(w.Commands)+len(w.Replies) == 0
	for i, t := range w.Timers {
		switch {
		case quiet && t == w.earliest() && t.Step != "@forget":
			x.fire(w, i)
		case w.Faults > 0 && t.Step != "@forget":
			x.fire(w.fault("early timer"), i)
		}
	}
	for i, name := range w.Signals {
		x.signal(w, i, name)
	}
	if quiet && (w.Saga.Status.Ended() || w.Saga.Status == sagas.Parked) {
		x.judge(w)
	}
	if quiet && len(w.Timers) == 0 && w.Saga.Status != sagas.Parked {
		x.fail(w, "nothing is to happen any more, and it is "+string(w.Saga.Status))
	}
}

func (w world) earliest() sagas.Timer {
	return slices.MinFunc(w.Timers, func(a, b sagas.Timer) int { return int(a.Due - b.Due) })
}

// copy shares nothing that changes.
func (w world) copy() world {
	w.Commands, w.Replies, w.Timers, w.Signals = slices.Clone(w.Commands), slices.Clone(w.Replies), slices.Clone(w.Timers), slices.Clone(w.Signals)
	w.Done = maps.Clone(w.Done)
	return w
}

// next is a copy in which something has happened.
func (w world) next(move string, args ...any) world {
	w = w.copy()
	w.path = append(slices.Clip(w.path), fmt.Sprintf(move, args...))
	return w
}

func (w world) fault(what string) world {
	w = w.next("fault: %s", what)
	w.Faults--
	return w
}

// serve lets a participant do a command, well or badly.
func (x *explorer) serve(w world, i int) {
	c := w.Commands[i]
	taken := w.next("%s is done", c.ID)
	taken.Commands = slices.Delete(taken.Commands, i, i+1)
	well := taken.copy()
	x.answer(well, c, well.do(c))
	if w.Faults == 0 || c.Kind == sagas.ToAsk {
		return
	}
	broken := taken.fault("transient")
	x.answer(broken, c, sagas.Transient)
	broken = taken.fault("done, but nobody knows")
	broken.do(c)
	x.answer(broken, c, sagas.Unknown)
	if e := taken.Done[c.Key]; c.Kind == sagas.ToUndo || e.Answer == "" {
		refused := taken.fault("refused")
		if c.Kind == sagas.ToDo {
			refused.Done[c.Key] = effect{Answer: sagas.Failed}
		}
		x.answer(refused, c, sagas.Failed)
	}
}

// do is a participant that keeps to the three guards.
func (w world) do(c sagas.Command) sagas.Outcome {
	e := w.Done[c.Key]
	switch {
	case c.Kind == sagas.ToAsk && e.Answer == "":
		return sagas.Unseen
	case c.Kind == sagas.ToAsk:
		return e.Answer
	case c.Kind == sagas.ToUndo:
		if e.Answer == sagas.OK && !e.Undone {
			e.Undid++
		}
		e.Undone, e.Answer = true, sagas.Failed
		w.Done[c.Key] = e
		return sagas.OK
	case e.Answer == "":
		e.Did, e.Answer = e.Did+1, sagas.OK
		w.Done[c.Key] = e
	}
	return e.Answer
}

func (x *explorer) answer(w world, c sagas.Command, o sagas.Outcome) {
	w.Replies = append(w.Replies, sagas.Event{Type: sagas.EventReply, Command: c.ID, Outcome: o})
	x.explore(w)
}

// deliver gives a reply to the saga, gives it and keeps it to give again, or loses it.
func (x *explorer) deliver(w world, i int) {
	e := w.Replies[i]
	given := w.next("reply %s %s", e.Outcome, e.Command)
	given.Replies = slices.Delete(given.Replies, i, i+1)
	x.step(given, e)
	if w.Faults > 0 {
		x.explore(given.fault("it is lost"))
		x.step(w.fault("reply twice "+e.Command), e)
	}
}

func (x *explorer) fire(w world, i int) {
	t := w.Timers[i]
	w = w.next("timer %s", t.Step)
	w.Timers = slices.Delete(w.Timers, i, i+1)
	x.step(w, sagas.Event{Type: sagas.EventTimer, Step: t.Step, Due: t.Due})
}

func (x *explorer) signal(w world, i int, name string) {
	w = w.next("signal %s", name)
	w.Signals = slices.Delete(w.Signals, i, i+1)
	e := sagas.Signal(name, "", "")
	if name == "cancel" {
		e = sagas.Cancel("")
	}
	x.step(w, e)
}

// step is what the orchestrator does. The instance goes through its encoding, as it
// does when a worker dies behind any event; before its commit, the event had no
// effect at all.
func (x *explorer) step(w world, e sagas.Event) {
	w = w.copy()
	e.Saga = "x"
	before := w.Saga
	after, effects := sagas.Step(x.d, before, e)
	data, err := after.Encode()
	if err != nil {
		x.t.Fatal(err)
	}
	if w.Saga, err = sagas.DecodeInstance(data); err != nil {
		x.t.Fatal(err)
	}
	if again, err := w.Saga.Encode(); err != nil || !bytes.Equal(data, again) {
		x.fail(w, fmt.Sprintf("its encoding changes to %s, %v", again, err))
	}
	for _, c := range effects.Commands {
		x.fresh(w, before, c)
		w.Commands = append(w.Commands, c)
	}
	for _, t := range effects.Cancelled {
		w.Timers = slices.DeleteFunc(w.Timers, func(have sagas.Timer) bool { return have == t })
	}
	w.Timers = append(w.Timers, effects.Timers...)
	x.explore(w)
}

// fresh finds a command that was sent before. A step counts its commands, and a count
// that only grows makes ids that are never used again.
func (x *explorer) fresh(w world, before sagas.Instance, c sagas.Command) {
	had, _ := before.Step(c.Step)
	count := map[sagas.Kind]int{sagas.ToDo: had.Attempts, sagas.ToUndo: had.Undos, sagas.ToAsk: had.Asks}[c.Kind]
	if c.Attempt != count+1 {
		x.fail(w, fmt.Sprintf("command %s is sent behind number %d", c.ID, count))
	}
}

// judge looks at a saga that has come to rest.
func (x *explorer) judge(w world) {
	x.ended[w.Saga.Status]++
	for _, s := range w.Saga.Steps {
		e, served := w.Done["x/"+s.Name]
		if !served {
			continue
		}
		undoable := compensable[s.Name]
		switch {
		case e.Did > 1 || e.Undid > 1:
			x.fail(w, s.Name+" was done or undone twice")
		case w.Saga.Status == sagas.Completed && (s.State != sagas.StepDone || e.Did != 1 || e.Undid != 0):
			x.fail(w, "it is completed, and "+s.Name+" is "+string(s.State))
		case w.Saga.Status == sagas.Compensated && undoable && e.Did != e.Undid:
			x.fail(w, "it is compensated, and "+s.Name+" is left")
		case w.Saga.Status == sagas.Compensated && s.Name == "pay" && e.Did != 0:
			x.fail(w, "it is compensated, though the pivot is done")
		}
	}
}

// compensable are the steps of the three definitions that have a compensation.
var compensable = map[string]bool{
	"create-case": true, "assign-analyst": true, "a": true, "b": true, "c": true, "d": true, "e": true, "f": true, "reserve": true,
}

func (x *explorer) fail(w world, what string) {
	if x.t.Failed() {
		return
	}
	data, _ := w.Saga.Encode()
	x.t.Errorf("%s\n%s", what, data)
	for _, move := range w.path {
		x.t.Log(move)
	}
}

var more = flag.Int("faults", 0, "how many more faults there are in each world of the model check, which takes five times as long for each")

func TestEveryInterleavingEndsWell(t *testing.T) {
	for _, m := range []struct {
		name    string
		saga    sagas.Defined
		faults  int
		signals []string
	}{
		{"the worked example", workedExample(), 3, []string{"cancel"}},
		{"six steps in two branches", sixSteps(), 2, []string{"cancel"}},
		{"a saga with a pivot", withPivot(), 2, []string{"approve", "approve", "reject", "cancel"}},
	} {
		t.Run(m.name, func(t *testing.T) {
			x := &explorer{t: t, d: m.saga.Definition(), seen: map[string]bool{}, ended: map[sagas.Status]int{}}
			w := world{Done: map[string]effect{}, Faults: m.faults + *more, Signals: m.signals}
			x.step(w, sagas.Start(x.d.Name(), investigation{Target: "t"}))
			t.Logf("%d worlds, at rest %v", len(x.seen), x.ended)
			if x.ended[sagas.Completed] == 0 || x.ended[sagas.Compensated] == 0 || x.ended[sagas.Parked] == 0 {
				t.Errorf("some way to end was never found: %v", x.ended)
			}
		})
	}
}
