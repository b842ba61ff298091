package state

import "slices"

// waitingQueue is a heap of entries: the first in time comes first, and among those
// of a time the first by key. Entries that are removed stay until they come first.
type waitingQueue[K, V any] []*waiting[K, V]

func (q waitingQueue[K, V]) less(i, j int) bool { return q[i].before(q[j]) }

func (e *waiting[K, V]) before(other *waiting[K, V]) bool {
	if e.ts != other.ts {
		return e.ts < other.ts
	}
	return e.key < other.key
}

// push adds an entry that is not in the queue.
func (q *waitingQueue[K, V]) push(e *waiting[K, V]) {
	if e.queued {
		return
	}
	e.queued = true
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// pop drops the first entry.
func (q *waitingQueue[K, V]) pop() {
	h := *q
	last := len(h) - 1
	h[0].queued = false
	h[0] = h[last]
	h[last] = nil
	*q = h[:last]
	q.down(0)
}

func (q waitingQueue[K, V]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if child+1 < len(q) && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}

// keep drops all entries but those that wanted returns true for.
func (q *waitingQueue[K, V]) keep(wanted func(*waiting[K, V]) bool) {
	*q = slices.DeleteFunc(*q, func(e *waiting[K, V]) bool {
		if wanted(e) {
			return false
		}
		e.queued = false
		return true
	})
	for i := len(*q)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
}
