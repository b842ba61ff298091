package topologytest_test

import (
	"cmp"
	"math"
	"slices"
)

// joinModel is a join of two streams, recomputed from scratch for each record: it
// remembers nothing but what came.
type joinModel struct {
	before, after, grace int64
	// left and right say which sides give results without a match.
	left, right bool
	// delayed has the check for unmatched records wait as long as Kafka Streams does,
	// whose lower bound of their timestamps may be too high.
	delayed bool
}

type joinInput struct {
	left       bool
	key, value *string
	ts         int64
}

type joinResult struct {
	key   *string
	value string
	ts    int64
	step  int
}

// unmatchedInput is the number of an input that waits for a match.
type unmatchedInput struct {
	joinInput
	number int
}

// joinRun is the state of the model in a run.
type joinRun struct {
	joinModel
	inputs     []joinInput // so far, without the present one
	waiting    []unmatchedInput
	streamTime int64
	bound      int64
	results    []joinResult
}

func (m joinModel) run(inputs []joinInput) []joinResult {
	r := &joinRun{joinModel: m, streamTime: -1, bound: math.MaxInt64}
	for step, in := range inputs {
		r.streamTime = max(r.streamTime, in.ts)
		r.take(step, in)
		r.inputs = append(r.inputs, in)
	}
	return r.results
}

func (m joinModel) outer(left bool) bool { return left && m.left || !left && m.right }

// ahead is how far the window of a record reaches into the future.
func (m joinModel) ahead(left bool) int64 {
	if left {
		return m.after
	}
	return m.before
}

func (r *joinRun) take(step int, in joinInput) {
	switch {
	case in.value == nil, in.key == nil && !r.outer(in.left):
		return
	case in.key == nil:
		r.alone(step, in)
		return
	}
	if in.ts == r.streamTime && r.left {
		r.check(step, in.left)
	}
	matches := r.matches(in)
	for _, other := range matches {
		left, right := in, other
		if !in.left {
			left, right = other, in
		}
		r.results = append(r.results, joinResult{in.key, *left.value + "+" + *right.value, max(in.ts, other.ts), step})
		r.waiting = slices.DeleteFunc(r.waiting, func(w unmatchedInput) bool {
			return w.left == other.left && w.ts == other.ts && *w.key == *other.key
		})
	}
	if len(matches) > 0 || !r.outer(in.left) {
		return
	}
	if in.ts+r.ahead(in.left) < r.streamTime {
		r.alone(step, in)
		return
	}
	r.bound = min(r.bound, in.ts)
	r.waiting = append(r.waiting, unmatchedInput{in, step})
}

// matches are the records of the other side that one meets, in the order of time and
// then of arrival, without those that their side has forgotten.
func (r *joinRun) matches(in joinInput) []joinInput {
	latest := int64(-1)
	for _, other := range r.inputs {
		if other.left != in.left && other.key != nil && other.value != nil {
			latest = max(latest, other.ts)
		}
	}
	var found []joinInput
	for _, other := range r.inputs {
		if other.left == in.left || other.key == nil || other.value == nil || *other.key != *in.key {
			continue
		}
		left, right := in.ts, other.ts
		if !in.left {
			left, right = right, left
		}
		if left-r.before <= right && right <= left+r.after && other.ts > latest-max(r.before+r.after+r.grace, 1) {
			found = append(found, other)
		}
	}
	slices.SortStableFunc(found, func(a, b joinInput) int { return cmp.Compare(a.ts, b.ts) })
	return found
}

// check gives out what has waited long enough.
func (r *joinRun) check(step int, left bool) {
	if r.delayed && r.bound != math.MaxInt64 && r.bound+r.ahead(left)+r.grace >= r.streamTime || r.delayed && r.bound == math.MaxInt64 {
		return
	}
	side := map[bool]int{true: 1}
	slices.SortStableFunc(r.waiting, func(a, b unmatchedInput) int {
		return cmp.Or(cmp.Compare(a.ts, b.ts), cmp.Compare(side[a.left], side[b.left]), cmp.Compare(*a.key, *b.key), cmp.Compare(a.number, b.number))
	})
	r.bound = math.MaxInt64
	open := map[bool]bool{}
	var still []unmatchedInput
	for i, w := range r.waiting {
		r.bound = w.ts
		if open[true] && open[false] {
			still = append(still, r.waiting[i:]...)
			break
		}
		if w.ts+r.ahead(w.left)+r.grace >= r.streamTime {
			open[w.left] = true
			still = append(still, w)
			continue
		}
		r.alone(step, w.joinInput)
	}
	r.waiting = still
}

// alone is the result of a record without a match.
func (r *joinRun) alone(step int, in joinInput) {
	value := *in.value + "+null"
	if !in.left {
		value = "null+" + *in.value
	}
	r.results = append(r.results, joinResult{in.key, value, in.ts, step})
}
