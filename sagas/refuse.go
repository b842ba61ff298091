package sagas

import (
	"fmt"
	"slices"
)

// Refuses says why an event from a person makes no sense for the saga as it is, or
// nothing if it does: to cancel one that has ended, above all. What it does not refuse
// may still come too late.
func (i *Instance) Refuses(e Event) (why string) {
	switch {
	case i.Status.Ended():
		return "it has ended, it is " + string(i.Status)
	case e.Type == EventCancel && i.Pivoted:
		return "its pivot is done, there is no way back"
	case e.Type == EventCancel && i.Back:
		return "it is on its way back already"
	}
	states := changeable(e.Type)
	if states == nil {
		return ""
	}
	s, ok := i.Step(e.Step)
	switch {
	case !ok:
		return "it has not begun a step " + e.Step
	case !slices.Contains(states, s.State):
		return fmt.Sprintf("step %s is %s", e.Step, s.State)
	}
	return ""
}

// changeable are the states of a step in which a person may do something about it; nil
// if the event is about no step.
func changeable(t EventType) []State {
	switch t {
	case EventFailStep:
		return []State{StepParked, StepWaiting}
	case EventSkipStep:
		return []State{StepParked, StepStuck, StepWaiting, StepResting}
	case EventRetryStep:
		return []State{StepParked, StepStuck, StepWaiting, StepResting, StepRunning, StepUndoing}
	}
	return nil
}
