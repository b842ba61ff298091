package state

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
)

// Mark implements Lifecycle.
func (s *versions) Mark() {
	s.core.Mark()
	s.marked = len(s.owed)
}

// Rollback implements Lifecycle.
func (s *versions) Rollback() {
	s.core.Rollback()
	s.owed = s.owed[:s.marked]
}

// logVersion logs a version, whose key is that of a row of the newest, and returns
// how many bytes its value takes.
func (s *versions) logVersion(key string, c content, ts int64, headers record.Headers) (bytes int) {
	buf := s.core.row[:0]
	if s.core.log != nil {
		buf = append(s.core.log.Outbox.Buffer(), key[1:]...)
	}
	split := len(buf)
	buf = append(buf, c.value...)
	if s.core.log == nil {
		s.core.row = buf
	} else {
		s.core.log.add(buf, split, c.none, ts, headers)
	}
	return len(buf) - split
}

// owing is a key of which the newest version is not what was logged last. That is
// all that compaction keeps of it, so the newest version is logged again before
// the commit.
type owing struct {
	key []byte
	// began is when the newest version began, or would have if it had been accepted.
	began int64
}

func (s *versions) owe(key []byte, newest version[content], ts int64) {
	if s.core.log == nil {
		return
	}
	if newest.present {
		ts = newest.ts
	}
	s.owed = append(s.owed, owing{key: key, began: ts})
}

// headerNewest marks what is logged again. Where compaction has removed what was
// logged before, it may be older than the history, and is to be accepted even so.
// Kafka Streams ignores it.
const headerNewest = "__tidemill.newest"

var restated = record.Headers{{Key: headerNewest}}

// FlushLog implements Lifecycle: every put has been logged at once, so only what
// is owed is left.
func (s *versions) FlushLog() (bool, error) {
	for len(s.owed) > 0 {
		o := s.owed[len(s.owed)-1]
		s.owed = s.owed[:len(s.owed)-1]
		n, err := s.newest(o.key)
		if err != nil {
			return false, err
		}
		switch {
		case !n.present:
			s.logVersion(n.key, content{none: true}, o.began, restated)
			return true, nil
		case n.ts == o.began:
			s.logVersion(n.key, n.value, o.began, restated)
			return true, nil
		}
	}
	return false, nil
}

// FlushForward implements Lifecycle: there is nothing to forward.
func (s *versions) FlushForward() error { return nil }

// Row implements Lifecycle: there is no such row, see Replay.
func (s *versions) Row(_, _ []byte, _ int64) (k, v []byte, err error) {
	return nil, nil, fmt.Errorf("state: store %q: the changelog of a versioned store has to be replayed", s.core.name)
}

// Replay implements Replayer: it puts what was put, without decoding it. Puts that
// were rejected are rejected again.
func (s *versions) Replay(b Batch, records iter.Seq[record.Raw]) error {
	raw := newVersions(s.core.name, s.retention, Options{Space: s.core.space, Capacity: s.core.capacity})
	for r := range records {
		_, again := r.Headers.Get(headerNewest)
		if _, _, err := raw.put(r.Key, content{value: r.Value, none: r.Value == nil}, r.Timestamp, again); err != nil {
			return err
		}
	}
	s.loaded = false
	return raw.Checkpoint(b)
}

// Checkpointed implements Lifecycle.
func (s *versions) Checkpointed() { s.core.Checkpointed() }

// Pinned implements Lifecycle.
func (s *versions) Pinned() int { return s.core.Pinned() }

// Capacity implements Lifecycle.
func (s *versions) Capacity(bytes int) { s.core.Capacity(bytes) }

// Space implements Lifecycle.
func (s *versions) Space() Space { return s.core.space }

// Checkpoint implements Lifecycle.
func (s *versions) Checkpoint(b Batch) error {
	if !s.loaded {
		if err := s.load(); err != nil {
			return err
		}
	}
	if err := s.clearGraves(b); err != nil {
		return &BackendError{Err: err}
	}
	value := appendTimestamp(nil, max(s.core.latest, s.saved))
	b.Set(s.core.space.key(inAbout), appendTimestamp(value, s.span))
	return s.core.Checkpoint(b)
}

// expiredBelow is the first key of the first span that is still needed, if there
// may be something before it.
func (s *versions) expiredBelow() []byte {
	span := s.oldest() / s.span
	if span <= s.cleared {
		return nil
	}
	s.cleared = span
	return appendTimestamp([]byte{inHistory}, span)
}

// clearGraves drops the newest versions without a value that the history no longer
// reaches back to, unless there are newer ones by now.
func (s *versions) clearGraves(b Batch) error {
	if s.oldest() < 0 {
		return nil
	}
	from, to := s.core.space.key(inGraves), appendTimestamp(s.core.space.key(inGraves), s.oldest()+1)
	var fault error
	err := s.core.space.backend.Scan(from, to, false, func(grave, _ []byte) bool {
		at := int64(binary.BigEndian.Uint64(grave[len(from):]))
		key := append(s.core.space.key(asNewest), grave[len(from)+8:]...)
		var still bool
		if still, fault = s.still(key, at); still {
			b.Delete(key)
		}
		return fault == nil
	})
	b.DeleteRange(from, to)
	if fault != nil {
		return fault
	}
	return err
}

// still says whether the newest version of a key is one without a value that began
// at a time.
func (s *versions) still(key []byte, at int64) (bool, error) {
	if e := entryOf[place, content](s.core.entries[string(key[spacePrefix:])]); e != nil {
		return e.present && e.value.none && e.ts == at, nil
	}
	row, ok, err := s.core.space.backend.Get(nil, key)
	return ok && len(row) == 9 && row[8] == 0 && int64(binary.BigEndian.Uint64(row)) == at, err
}

// checkLayout empties the local state if its rows lie in spans of another length.
func (s *versions) checkLayout() error {
	_, span, err := s.readAbout()
	if err == nil && span != s.span && span != 0 {
		err = s.core.space.Clear()
	}
	return err
}

// load reads how far the time of the store has come.
func (s *versions) load() error {
	saved, _, err := s.readAbout()
	if s.fault != nil {
		err = s.fault
	}
	if err != nil {
		return &BackendError{Err: err}
	}
	s.saved, s.loaded = saved, true
	return nil
}

func (s *versions) readAbout() (saved, span int64, err error) {
	row, ok, err := s.core.space.backend.Get(nil, s.core.space.key(inAbout))
	if err != nil || !ok {
		return -1, 0, err
	}
	if len(row) != 16 {
		return -1, 0, errDamaged
	}
	return int64(binary.BigEndian.Uint64(row)), int64(binary.BigEndian.Uint64(row[8:])), nil
}
