package statetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tidemill/tidemill/state"
)

// versions is what a versioned store should hold, kept in the plainest way: every
// version that was ever put.
type versions struct {
	retention, time int64
	byKey           map[string]map[int64]*int64 // nil is no value
}

func newVersions(retention int64) *versions {
	return &versions{retention: retention, time: -1, byKey: map[string]map[int64]*int64{}}
}

func (m *versions) clone() *versions {
	c := &versions{retention: m.retention, time: m.time, byKey: map[string]map[int64]*int64{}}
	for key, of := range m.byKey {
		c.byKey[key] = maps.Clone(of)
	}
	return c
}

func (m *versions) oldest() int64 { return m.time - m.retention }

// put returns the time of the next version, and whether the version was accepted.
func (m *versions) put(key string, value *int64, ts int64) (to int64, accepted bool) {
	if ts < m.oldest() {
		return 0, false
	}
	return m.keep(key, value, ts), true
}

func (m *versions) keep(key string, value *int64, ts int64) (to int64) {
	m.time = max(m.time, ts)
	if m.byKey[key] == nil {
		m.byKey[key] = map[int64]*int64{}
	}
	m.byKey[key][ts] = value
	return m.next(key, ts)
}

// next is when the first version after ts begins.
func (m *versions) next(key string, ts int64) int64 {
	to := state.Forever
	for other := range m.byKey[key] {
		if other > ts {
			to = min(to, other)
		}
	}
	return to
}

// asOf is the version of a key at a time, or none.
func (m *versions) asOf(key string, at int64) string {
	last := int64(-1)
	for ts := range m.byKey[key] {
		if ts <= at {
			last = max(last, ts)
		}
	}
	if last < 0 || m.byKey[key][last] == nil {
		return "none"
	}
	to := m.next(key, last)
	if at < m.oldest() && to != state.Forever {
		return "none"
	}
	return rendered(*m.byKey[key][last], last, to)
}

// history are the versions of a key that lasted some time between two times.
func (m *versions) history(key string, from, to int64) []string {
	from = max(from, m.oldest())
	var out []string
	for _, ts := range slices.Sorted(maps.Keys(m.byKey[key])) {
		end, value := m.next(key, ts), m.byKey[key][ts]
		if value == nil || ts > to || end <= from || from > to && end != state.Forever {
			continue
		}
		out = append(out, rendered(*value, ts, end))
	}
	return out
}

// all are the newest versions.
func (m *versions) all() []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m.byKey)) {
		if now := m.asOf(key, state.Forever); now != "none" {
			out = append(out, key+" "+now)
		}
	}
	return out
}

func rendered(value, from, to int64) string {
	if to == state.Forever {
		return fmt.Sprintf("%d@%d-", value, from)
	}
	return fmt.Sprintf("%d@%d-%d", value, from, to)
}

func renderedVersion(v state.Version[*int64], ok bool) string {
	if !ok {
		return "none"
	}
	return rendered(*v.Value, v.From, v.To)
}
