package processors

import "maps"

// tracked is the highest timestamp that one operator has seen.
type tracked struct {
	name string
	time *int64
}

// timeSuffix marks the progress entries that TrackTime writes. Kafka Streams
// writes no entry with such a name, and ignores ours.
const timeSuffix = "\x00time"

// TrackTime gives an operator a place for the highest timestamp that it has
// seen, which decides what is late. It survives restarts: it begins with what was
// committed last, so that a crash does not change which records are late. Kafka
// Streams begins anew.
func (t *Task) TrackTime(name string) *int64 {
	seen := t.StreamTime
	if at, ok := t.progress[name+timeSuffix]; ok {
		seen = at
		delete(t.progress, name+timeSuffix)
	}
	t.tracked = append(t.tracked, tracked{name: name + timeSuffix, time: &seen})
	return &seen
}

// Progress is a number that an operator wants back after a restart, and whether
// there is one.
func (t *Task) Progress(name string) (int64, bool) {
	at, ok := t.progress[name]
	return at, ok
}

// SetProgress sets the number that Progress returns, from the next commit on.
func (t *Task) SetProgress(name string, at int64) { t.progress[name] = at }

// Committable is all progress as it is to be committed. A tracked time that
// equals stream time needs no entry, because stream time is committed anyway.
func (t *Task) Committable() map[string]int64 {
	if len(t.progress) == 0 && len(t.tracked) == 0 {
		return nil
	}
	out := maps.Clone(t.progress)
	for _, one := range t.tracked {
		if *one.time != t.StreamTime {
			out[one.name] = *one.time
		}
	}
	return out
}
