package nfa

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The model finds matches as the definition of a pattern says, by trying all
// sequences of events. It shares no code with the machine but the pattern itself.

// letter is an event of the tests: a letter, such as a, with a number.
type letter struct {
	text   string
	number int
	time   int64
}

// pick is an event by its place, and the stage that takes it.
type pick struct{ at, stage int }

// model is a pattern and a string of events. stages are those that take events, absent
// the ones between each of them and the next.
type model struct {
	Pattern
	events []letter
	stages []Stage
	absent [][]Stage
}

func newModel(p Pattern, events []letter) *model {
	m := &model{Pattern: p, events: events}
	for _, s := range p.Stages {
		if s.Absent == Present {
			m.stages, m.absent = append(m.stages, s), append(m.absent, nil)
		} else {
			m.absent[len(m.absent)-1] = append(m.absent[len(m.absent)-1], s)
		}
	}
	return m
}

// holds says whether a condition holds for the event at a place behind some picks.
func (m *model) holds(c Condition, at int, picks []pick) bool {
	e := m.event(at)
	return c(&e, m.chain(picks))
}

func (m *model) event(at int) Event { return Event{Time: m.events[at].time, Value: &m.events[at]} }

func (m *model) chain(picks []pick) Taken {
	t := Taken{last: int32(len(picks)) - 1}
	for i, p := range picks {
		t.nodes = append(t.nodes, node{int32(i) - 1, int32(i), uint8(p.stage)})
		t.events = append(t.events, m.event(p.at))
	}
	return t
}

// takes says whether a stage takes the event at a place.
func (m *model) takes(stage, at int, picks []pick) bool {
	s := m.stages[stage]
	return m.holds(s.Where, at, picks) && (s.Until == nil || !m.holds(s.Until, at, picks))
}

// sequences are all sequences of picks that are part of a match.
func (m *model) sequences() (all [][]pick) {
	var extend func(picks []pick)
	extend = func(picks []pick) {
		if len(picks) > 0 {
			all = append(all, slices.Clone(picks))
		}
		from, stage := 0, 0
		if n := len(picks); n > 0 {
			from, stage = picks[n-1].at+1, picks[n-1].stage
		}
		for at := from; at < len(m.events); at++ {
			for s := stage; s < len(m.stages); s++ {
				if m.follows(picks, pick{at, s}) {
					extend(append(picks, pick{at, s}))
				}
			}
		}
	}
	extend(nil)
	return all
}

// follows says whether a pick may come behind others.
func (m *model) follows(picks []pick, p pick) bool {
	if len(picks) == 0 {
		return m.leftOut(-1, p.stage) && m.takes(p.stage, p.at, nil)
	}
	return m.open(picks, p.stage) && m.reaches(picks, p.stage, p.at) && m.takes(p.stage, p.at, picks) && m.closedBehind(picks, p.at) && !m.greedyFor(picks, p.stage, p.at)
}

// open says whether the numbers of events allow that a stage takes the next one.
func (m *model) open(picks []pick, stage int) bool {
	last := picks[len(picks)-1].stage
	if stage == last {
		return m.wantsMore(picks)
	}
	return m.hasEnough(picks) && m.leftOut(last, stage)
}

func (m *model) leftOut(from, to int) bool {
	for s := from + 1; s < to; s++ {
		if !m.stages[s].Optional {
			return false
		}
	}
	return true
}

func (m *model) count(picks []pick) (n int) {
	for _, p := range picks {
		if p.stage == picks[len(picks)-1].stage {
			n++
		}
	}
	return n
}

func (m *model) hasEnough(picks []pick) bool {
	s := m.stages[picks[len(picks)-1].stage]
	if s.Enough != nil {
		return s.Enough(m.chain(picks))
	}
	return m.count(picks) >= s.Min
}

func (m *model) wantsMore(picks []pick) bool {
	s := m.stages[picks[len(picks)-1].stage]
	if s.Enough != nil {
		return !s.Enough(m.chain(picks))
	}
	return s.Max == 0 || m.count(picks) < s.Max
}

// reaches says whether all events between the last pick and a place may be passed over
// on the way to a stage, and whether the place comes in time.
func (m *model) reaches(picks []pick, stage, at int) bool {
	last := picks[len(picks)-1]
	if m.events[at].time >= m.deadline(picks, stage) {
		return false
	}
	s := m.stages[stage]
	how := s.Outer
	if stage == last.stage {
		how = s.Inner
	}
	for between := last.at + 1; between < at; between++ {
		if how == Strict || how == SkipTillNext && m.holds(s.Where, between, picks) {
			return false
		}
		if stage == last.stage && s.Until != nil && m.holds(s.Until, between, picks) {
			return false
		}
	}
	return stage != last.stage || s.Until == nil || !m.holds(s.Until, at, picks)
}

// deadline is when the time is up for a stage to come behind picks; len(stages) is the
// end of the pattern.
func (m *model) deadline(picks []pick, stage int) int64 {
	at := int64(math.MaxInt64)
	if m.Within > 0 {
		at = m.events[picks[0].at].time + m.Within
	}
	gap := func(s Stage) {
		if s.Gap > 0 {
			at = min(at, m.events[picks[len(picks)-1].at].time+s.Gap)
		}
	}
	if stage < len(m.stages) {
		gap(m.stages[stage])
		return at
	}
	for _, s := range m.absent[len(m.stages)-1] {
		gap(s)
	}
	return at
}

// closedBehind says whether nothing came between the last pick and a place, the place
// included, that must not.
func (m *model) closedBehind(picks []pick, at int) bool {
	last := picks[len(picks)-1]
	for _, s := range m.absent[last.stage] {
		for between := last.at + 1; between <= at; between++ {
			if s.Absent == NotNext && (between > last.at+1 || !m.mayLeave(picks)) {
				continue
			}
			if m.holds(s.Where, between, picks) {
				return false
			}
		}
	}
	return true
}

// mayLeave says whether the pattern may go on, or end, behind the stage of the last
// pick.
func (m *model) mayLeave(picks []pick) bool { return m.hasEnough(picks) }

// greedyFor says whether a greedy stage would have taken an event that is passed over,
// or taken by another stage, on the way to a stage at a place.
func (m *model) greedyFor(picks []pick, stage, at int) bool {
	last := picks[len(picks)-1]
	for g := last.stage; g < stage && g < len(m.stages); g++ {
		if !m.stages[g].Greedy {
			continue
		}
		for between := last.at + 1; between <= at; between++ {
			if u := m.stages[g].Until; u != nil && m.holds(u, between, picks) {
				break
			}
			if m.holds(m.stages[g].Where, between, picks) {
				return true
			}
		}
	}
	return false
}

// finding is a match or a timed-out partial match.
type finding struct {
	picks []pick
	at    int64 // when it was complete, or timed out
	place int   // of the event that completed it, or of the first one behind its time
	timed bool
}

// complete returns a sequence as a match, if it is one.
func (m *model) complete(picks []pick) (f finding, ok bool) {
	last := picks[len(picks)-1]
	if !m.hasEnough(picks) || !m.leftOut(last.stage, len(m.stages)) {
		return f, false
	}
	absent := m.absent[last.stage]
	if len(absent) == 0 {
		return finding{picks: picks, at: m.events[last.at].time, place: last.at}, true
	}
	deadline := m.deadline(picks, len(m.stages))
	until := m.before(deadline)
	if !slices.ContainsFunc(absent, func(s Stage) bool { return s.Absent == NotFollowedBy }) {
		next := last.at + 1
		if next >= until || !m.closedBehind(picks, next) || m.greedyFor(picks, len(m.stages), next) {
			return f, false
		}
		return finding{picks: picks, at: m.events[next].time, place: next}, true
	}
	if !m.closedBehind(picks, until-1) || m.greedyFor(picks, len(m.stages), until-1) {
		return f, false
	}
	return finding{picks: picks, at: deadline, place: until}, true
}

// before is the place of the first event that is not before a time.
func (m *model) before(at int64) int {
	return slices.IndexFunc(append(slices.Clone(m.events), letter{time: math.MaxInt64}), func(e letter) bool { return e.time >= at })
}

// timedOut returns a sequence as a timed-out partial match, if time was the last thing
// that ended it.
func (m *model) timedOut(picks []pick) (f finding, ok bool) {
	if _, whole := m.complete(picks); whole {
		return f, false
	}
	last := picks[len(picks)-1].stage
	f = finding{picks: picks, at: math.MinInt64, timed: true}
	died := -1 // the place of the event that ended the last way that an event ended
	for stage := last; stage <= len(m.stages); stage++ {
		if stage < len(m.stages) && !m.open(picks, stage) || stage == len(m.stages) && !m.waitsForEnd(picks) {
			continue
		}
		deadline := m.deadline(picks, stage)
		switch place := m.ended(picks, stage, m.before(deadline)); {
		case place >= 0:
			died = max(died, place)
		case deadline == math.MaxInt64:
			return f, false // it goes on waiting
		default:
			f.at = max(f.at, deadline)
		}
	}
	if f.at == math.MinInt64 || died >= 0 && m.events[died].time >= f.at {
		return f, false
	}
	f.place = m.before(f.at)
	return f, true
}

func (m *model) waitsForEnd(picks []pick) bool {
	return m.hasEnough(picks) && picks[len(picks)-1].stage == len(m.stages)-1 && len(m.absent[len(m.stages)-1]) > 0
}

// ended is the place of the event, before a place, that ends the wait for a stage, or
// -1.
func (m *model) ended(picks []pick, stage, before int) int {
	for at := picks[len(picks)-1].at + 1; at < before; at++ {
		if !m.closedBehind(picks, at) || m.greedyFor(picks, stage, at) {
			return at
		}
		if stage == len(m.stages) {
			continue
		}
		// What cannot reach an imagined event behind the place has ended there.
		s, again := m.stages[stage], stage == picks[len(picks)-1].stage
		how := s.Outer
		if again {
			how = s.Inner
		}
		if how == Strict || how == SkipTillNext && m.holds(s.Where, at, picks) || again && s.Until != nil && m.holds(s.Until, at, picks) {
			return at
		}
	}
	return -1
}

// find returns what the pattern finds in the string, in order.
func (m *model) find(timeouts bool) []string {
	var matches, out []finding
	for _, picks := range m.sequences() {
		if f, ok := m.complete(picks); ok {
			matches = append(matches, f)
		}
		if f, ok := m.timedOut(picks); ok && timeouts {
			out = append(out, f)
		}
	}
	slices.SortFunc(matches, func(a, b finding) int {
		c := cmp.Or(cmp.Compare(a.picks[0].at, b.picks[0].at), cmp.Compare(a.at, b.at), cmp.Compare(a.picks[len(a.picks)-1].at, b.picks[len(b.picks)-1].at), slices.CompareFunc(a.picks, b.picks, func(a, b pick) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.stage, b.stage)) }))
		if m.Skip == NoSkip {
			return cmp.Or(cmp.Compare(a.place, b.place), c)
		}
		return c
	})
	var lines []string
	for _, f := range m.unskipped(matches) {
		lines = append(lines, m.text(f))
	}
	if timeouts {
		for _, f := range out {
			lines = append(lines, m.text(f))
		}
	}
	return lines
}

// unskipped leaves out the matches that earlier ones make obsolete.
func (m *model) unskipped(matches []finding) (left []finding) {
	from := 0
	for _, f := range matches {
		if f.picks[0].at < from {
			continue
		}
		left = append(left, f)
		switch m.Skip {
		case SkipToNext:
			from = max(from, f.picks[0].at+1)
		case SkipPastLast:
			from = max(from, f.picks[len(f.picks)-1].at+1)
		case SkipToFirst, SkipToLast:
			to := slices.DeleteFunc(slices.Clone(f.picks), func(p pick) bool { return m.stages[p.stage].Name != m.SkipTo })
			if len(to) > 0 && m.Skip == SkipToFirst {
				from = max(from, to[0].at)
			} else if len(to) > 0 {
				from = max(from, to[len(to)-1].at)
			}
		}
	}
	return left
}

func (m *model) text(f finding) string {
	var b strings.Builder
	for _, p := range f.picks {
		fmt.Fprintf(&b, "%s:%s ", m.stages[p.stage].Name, m.events[p.at].text)
	}
	return fmt.Sprintf("%s@%d %t", b.String(), f.at, f.timed)
}
