package state

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Lifecycle is the store as its task drives it.
func (s *Versioned[K, V]) Lifecycle() Lifecycle { return s }

// AppendKey appends a key as the store orders it.
func (s *Versioned[K, V]) AppendKey(dst []byte, key K) ([]byte, error) {
	return s.keys.Append(dst, key)
}

// Mark implements Lifecycle.
func (s *Versioned[K, V]) Mark() {
	s.store.Mark()
	s.marked = len(s.owed)
}

// Rollback implements Lifecycle.
func (s *Versioned[K, V]) Rollback() {
	s.store.Rollback()
	s.owed = s.owed[:s.marked]
}

// logVersion logs a version, whose key is that of a row of the newest, and returns
// how many bytes its value takes.
func (s *Versioned[K, V]) logVersion(key string, c content[V], ts int64, headers record.Headers) (bytes int, err error) {
	buf := s.row[:0]
	if s.log != nil {
		buf = append(s.log.Outbox.Buffer(), key[1:]...)
	}
	split := len(buf)
	if !c.none {
		if buf, err = s.values.Append(buf, c.value); err != nil {
			return 0, fmt.Errorf("state: store %q: encode value: %w", s.name, err)
		}
	}
	if s.log == nil {
		s.row = buf
	} else {
		s.log.add(buf, split, c.none, ts, headers)
	}
	return len(buf) - split, nil
}

// owing is a key of which the newest version is not what was logged last. That is
// all that compaction keeps of it, so the newest version is logged again before
// the commit.
type owing[K any] struct {
	key K
	// began is when the newest version began, or would have if it had been accepted.
	began int64
}

func (s *Versioned[K, V]) owe(key K, newest version[content[V]], ts int64) {
	if s.log == nil {
		return
	}
	if newest.present {
		ts = newest.ts
	}
	s.owed = append(s.owed, owing[K]{key: key, began: ts})
}

// headerNewest marks what is logged again. Where compaction has removed what was
// logged before, it may be older than the history, and is to be accepted even so.
// Kafka Streams ignores it.
const headerNewest = "__tidemill.newest"

var restated = record.Headers{{Key: headerNewest}}

// FlushLog implements Lifecycle: every put has been logged at once, so only what
// is owed is left.
func (s *Versioned[K, V]) FlushLog() (bool, error) {
	for len(s.owed) > 0 {
		o := s.owed[len(s.owed)-1]
		s.owed = s.owed[:len(s.owed)-1]
		n, err := s.newest(o.key)
		if err != nil {
			return false, err
		}
		switch {
		case !n.now.present:
			_, err = s.logVersion(n.key, content[V]{none: true}, o.began, restated)
			return true, err
		case n.now.ts == o.began:
			_, err = s.logVersion(n.key, n.now.value, o.began, restated)
			return true, err
		}
	}
	return false, nil
}

// FlushForward implements Lifecycle: there is nothing to forward.
func (s *Versioned[K, V]) FlushForward() error { return nil }

// Row implements Lifecycle: there is no such row, see Replay.
func (s *Versioned[K, V]) Row(_, _ []byte, _ int64) (k, v []byte, err error) {
	return nil, nil, fmt.Errorf("state: store %q: the changelog of a versioned store has to be replayed", s.name)
}

// Replay implements Replayer: it puts what was put, without decoding it. Puts that
// were rejected are rejected again.
func (s *Versioned[K, V]) Replay(b Batch, records iter.Seq[record.Raw]) error {
	raw := NewVersioned(s.name, s.retention, serde.Serde[[]byte](asIs{}), serde.Serde[[]byte](asIs{}), Options{Space: s.space, Capacity: s.capacity})
	for r := range records {
		_, again := r.Headers.Get(headerNewest)
		if _, _, err := raw.put(r.Key, content[[]byte]{value: r.Value, none: r.Value == nil}, r.Timestamp, again); err != nil {
			return err
		}
	}
	s.loaded = false
	return raw.Checkpoint(b)
}

// asIs is a Serde of bytes that stay where they are.
type asIs struct{}

func (asIs) Append(dst, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (asIs) Decode(data []byte) ([]byte, error)   { return data, nil }

// Checkpoint implements Lifecycle.
func (s *Versioned[K, V]) Checkpoint(b Batch) error {
	if !s.loaded {
		if err := s.load(); err != nil {
			return err
		}
	}
	if err := s.clearGraves(b); err != nil {
		return &BackendError{Err: err}
	}
	value := appendTimestamp(nil, max(s.latest, s.saved))
	b.Set(s.space.key(inAbout), appendTimestamp(value, s.span))
	return s.store.Checkpoint(b)
}

// expiredBelow is the first key of the first span that is still needed, if there
// may be something before it.
func (s *Versioned[K, V]) expiredBelow() []byte {
	span := s.oldest() / s.span
	if span <= s.cleared {
		return nil
	}
	s.cleared = span
	return appendTimestamp([]byte{inHistory}, span)
}

// clearGraves drops the newest versions without a value that the history no longer
// reaches back to, unless there are newer ones by now.
func (s *Versioned[K, V]) clearGraves(b Batch) error {
	if s.oldest() < 0 {
		return nil
	}
	from, to := s.space.key(inGraves), appendTimestamp(s.space.key(inGraves), s.oldest()+1)
	var fault error
	err := s.space.backend.Scan(from, to, false, func(grave, _ []byte) bool {
		at := int64(binary.BigEndian.Uint64(grave[len(from):]))
		key := append(s.space.key(asNewest), grave[len(from)+8:]...)
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
func (s *Versioned[K, V]) still(key []byte, at int64) (bool, error) {
	if e := s.entries[string(key[spacePrefix:])]; e != nil {
		return e.now.present && e.now.value.none && e.now.ts == at, nil
	}
	row, ok, err := s.space.backend.Get(nil, key)
	return ok && len(row) == 9 && row[8] == 0 && int64(binary.BigEndian.Uint64(row)) == at, err
}

// checkLayout empties the local state if its rows lie in spans of another length.
func (s *Versioned[K, V]) checkLayout() error {
	_, span, err := s.readAbout()
	if err == nil && span != s.span && span != 0 {
		err = s.space.Clear()
	}
	return err
}

// load reads how far the time of the store has come.
func (s *Versioned[K, V]) load() error {
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

func (s *Versioned[K, V]) readAbout() (saved, span int64, err error) {
	row, ok, err := s.space.backend.Get(nil, s.space.key(inAbout))
	if err != nil || !ok {
		return -1, 0, err
	}
	if len(row) != 16 {
		return -1, 0, errPlace
	}
	return int64(binary.BigEndian.Uint64(row)), int64(binary.BigEndian.Uint64(row[8:])), nil
}
