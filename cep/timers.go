package cep

import "cmp"

// timer is when a key is to be looked at. armed is when its state says so, which
// tells timers apart that are out of date.
type timer struct {
	at, armed int64
	key       string // encoded
}

func (t timer) before(u timer) bool {
	return cmp.Or(cmp.Compare(t.at, u.at), cmp.Compare(t.key, u.key)) < 0
}

// timers are a heap, the next one first. They are made anew of the states when a task
// starts.
type timers []timer

func (h *timers) add(t timer) {
	s := append(*h, t)
	for i := len(s) - 1; i > 0 && s[i].before(s[(i-1)/2]); i = (i - 1) / 2 {
		s[i], s[(i-1)/2] = s[(i-1)/2], s[i]
	}
	*h = s
}

// take removes the first timer, if it is due.
func (h *timers) take(now int64) (first timer, ok bool) {
	s := *h
	if len(s) == 0 || s[0].at > now {
		return first, false
	}
	first = s[0]
	last := len(s) - 1
	s[0], s[last] = s[last], timer{}
	s = s[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && s[child+1].before(s[child]) {
			child++
		}
		if child >= last || !s[child].before(s[i]) {
			break
		}
		s[i], s[child] = s[child], s[i]
		i = child
	}
	*h = s
	return first, true
}
