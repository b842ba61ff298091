package state

import "fmt"

// versions is what Versioned is without the types of its keys and values.
type versions struct {
	store[place, content]
	retention int64
	// span is how long the times are that rows lie together of, to be dropped together.
	span int64
	// saved is the time that the backend knows of, if loaded.
	saved  int64
	loaded bool
	// cleared is the span that no history is left before.
	cleared int64
	// owed are keys whose newest version has to be logged again.
	owed   []owing
	marked int
	fault  error
}

func openVersions(name string, retention int64, o Options) history {
	return newVersions(name, retention, o)
}

func newVersions(name string, retention int64, o Options) *versions {
	s := &versions{retention: retention, span: spanOf(retention)}
	o.Caching = false
	s.open(name, versionedLayout(s.span), o)
	s.core.latest, s.saved = -1, -1
	s.core.expired = s.expiredBelow
	s.fault = s.checkLayout()
	return s
}

// getAsOf returns the version that a key had at a time, if it had a value then.
func (s *versions) getAsOf(key []byte, at int64) (v Version[[]byte], ok bool, err error) {
	e, err := s.newest(key)
	if err != nil || !e.present {
		return v, false, err
	}
	to := Forever
	if e.ts > at {
		if at < max(s.oldest(), 0) {
			return v, false, nil
		}
		if e, err = s.covering(e, at); err != nil {
			return v, false, err
		}
		to = e.typed.at
	}
	if !e.present || e.value.none {
		return v, false, nil
	}
	return Version[[]byte]{Value: e.value.value, From: e.ts, To: to}, true, nil
}

// put is Put; restated says that the version was put before, and was the newest one
// when it was logged again.
func (s *versions) put(key []byte, c content, ts int64, restated bool) (to int64, accepted bool, err error) {
	if ts < 0 {
		return 0, false, fmt.Errorf("state: store %q: a version cannot begin at %d: give it a timestamp that is not negative", s.core.name, ts)
	}
	n, err := s.newest(key)
	if err != nil {
		return 0, false, err
	}
	bytes := s.logVersion(n.key, c, ts, nil)
	before := n.version()
	if accepted = ts >= s.oldest() || restated && !(before.present && before.ts > ts); accepted {
		s.core.latest = max(s.core.latest, ts)
		to, err = s.insert(n, version[content]{value: c, ts: ts, present: true}, bytes)
	}
	if !accepted || to != Forever {
		s.owe(n.typed.key, before, ts)
	}
	return to, accepted, err
}

// insert puts a version of so many bytes in its place and returns where it ends.
func (s *versions) insert(n *Entry[place, content], v version[content], bytes int) (to int64, err error) {
	e, to := n, Forever
	if n.present && v.ts < n.ts {
		if e, err = s.covering(n, v.ts); err != nil {
			return 0, err
		}
		to = e.typed.at
	}
	before, size := e.version(), s.core.weight(&e.cell)
	s.change(e, v, bytes)
	if to == Forever && v.value.none {
		if err := s.add(place{section: inGraves, key: n.typed.key, at: v.ts}, v, 0); err != nil {
			return 0, err
		}
	}
	if before.present && before.ts < v.ts && v.ts > s.oldest() {
		err = s.add(place{section: inHistory, key: n.typed.key, at: v.ts}, before, size)
	}
	return to, err
}

// add writes to a place where nothing is yet.
func (s *versions) add(p place, v version[content], bytes int) error {
	e, err := s.fresh(p)
	if err == nil {
		s.change(e, v, bytes)
	}
	return err
}

// change writes an entry, which is all that happens to it.
func (s *versions) change(e *Entry[place, content], v version[content], bytes int) {
	s.write(e, v, nil)
	s.core.settle()
	s.core.resize(&e.cell, bytes)
}

// newest is the entry of the newest version of a key.
func (s *versions) newest(key []byte) (*Entry[place, content], error) {
	if !s.loaded {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	return s.lookup(place{section: asNewest, key: key})
}

// maxSteps is after how many versions covering stops looking at one by one.
const maxSteps = 8

// covering returns the entry of the version that was there at a time before the
// newest one began, or an entry without a version where the first one of that time
// would be. Each version is found under the time at which it ended.
func (s *versions) covering(n *Entry[place, content], at int64) (*Entry[place, content], error) {
	key, end := n.typed.key, n.ts
	for step := 0; ; step++ {
		if step == maxSteps {
			var err error
			if end, err = s.firstEnd(key, at+1, end); err != nil {
				return nil, err
			}
		}
		e, err := s.lookup(place{section: inHistory, key: key, at: end})
		if err != nil || !e.present || e.ts <= at {
			return e, err
		}
		end = e.ts
	}
}

// firstEnd is the first time from from to to at which a version of a key ended.
func (s *versions) firstEnd(key []byte, from, to int64) (int64, error) {
	for item, err := range s.ended(key, from, to, false) {
		return item.Key.at, err
	}
	return to, nil
}

// oldest is the first time that the history reaches back to.
func (s *versions) oldest() int64 { return max(s.core.latest, s.saved) - s.retention }
