package processors

import (
	"maps"
	"slices"
	"strings"
)

// tracked is the highest timestamp that one operator has seen, or another number
// that only rises.
type tracked struct {
	name string
	time *int64
	// entered says that an entry of it may be committed somewhere, which has to be
	// kept up from then on.
	entered bool
	// marked is the time when the unit of work began.
	marked int64
	// isTime says that it is a timestamp, which may go on by itself: see Advance.
	isTime   bool
	standing standing
}

// timeSuffix marks the progress entries that TrackTime writes. Kafka Streams
// writes no entry with such a name, and ignores ours.
const timeSuffix = "\x00time"

// TrackTime gives an operator a place for the highest timestamp that it has
// seen, which decides what is late. It survives restarts: it begins with what was
// committed last, so that a crash does not change which records are late. Kafka
// Streams begins anew. Operators that name the same share the place.
func (t *Task) TrackTime(name string) *int64 {
	for _, one := range t.tracked {
		if one.name == name+timeSuffix {
			return one.time
		}
	}
	seen := t.StreamTime
	at, entered := t.progress[name+timeSuffix]
	if entered {
		seen = at
		delete(t.progress, name+timeSuffix)
	}
	t.tracked = append(t.tracked, tracked{name: name + timeSuffix, time: &seen, entered: entered, isTime: true, standing: newStanding()})
	return &seen
}

// Track has a number survive restarts that never falls, except when it is taken
// back: it is set to what was committed last, if that is known.
func (t *Task) Track(name string, number *int64) {
	if at, ok := t.progress[name]; ok {
		*number = at
		delete(t.progress, name)
	}
	isTime := strings.HasSuffix(name, timeSuffix)
	t.tracked = append(t.tracked, tracked{name: name, time: number, entered: true, isTime: isTime, standing: newStanding()})
}

// Progress is a number that an operator wants back after a restart, and whether
// there is one.
func (t *Task) Progress(name string) (int64, bool) {
	at, ok := t.progress[name]
	return at, ok
}

// SetProgress sets the number that Progress returns, from the next commit on.
func (t *Task) SetProgress(name string, at int64) {
	if t.marking {
		before, had := t.progress[name]
		t.undo = append(t.undo, progressed{name: name, before: before, had: had})
	}
	t.progress[name] = at
}

// progressed is one change of progress, to be taken back.
type progressed struct {
	name   string
	before int64
	had    bool
}

// Mark begins a unit of work. Rollback takes back what it did to time and progress.
func (t *Owner) Mark() {
	t.marking, t.markedTime = true, t.StreamTime
	t.undo = t.undo[:0]
	for i := range t.tracked {
		t.tracked[i].marked = *t.tracked[i].time
	}
}

// Rollback takes back the changes of stream time, of tracked times and of progress
// since Mark.
func (t *Owner) Rollback() {
	t.StreamTime = t.markedTime
	for _, one := range t.tracked {
		*one.time = one.marked
	}
	for _, change := range slices.Backward(t.undo) {
		if change.had {
			t.progress[change.name] = change.before
		} else {
			delete(t.progress, change.name)
		}
	}
	t.undo = t.undo[:0]
}

// Committable is all progress as it is to be committed. A tracked time that has
// always equalled stream time needs no entry, because stream time is committed
// anyway. Once there is an entry it is kept up: another input of the task may have
// it committed for long after, and at a restart the highest one counts.
func (t *Owner) Committable() map[string]int64 {
	if len(t.progress) == 0 && len(t.tracked) == 0 {
		return nil
	}
	out := maps.Clone(t.progress)
	for i := range t.tracked {
		one := &t.tracked[i]
		one.entered = one.entered || *one.time != t.StreamTime
		if one.entered {
			out[one.name] = *one.time
		}
	}
	return out
}
