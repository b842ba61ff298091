package state

import (
	"encoding/binary"
	"fmt"
)

// spacePrefix is the length of the prefix that sets the keys of one store and
// partition apart from those of all others in the backend.
const spacePrefix = 4

// Space is the part of a backend that belongs to one partition of one store.
type Space struct {
	backend Backend
	prefix  [spacePrefix]byte
}

// Position is how far the contents of a space follow its changelog.
type Position struct {
	// Offset is the offset of the next changelog record to apply.
	Offset int64
	// TopicID is the id of the changelog topic, which changes when the topic is
	// deleted and created again. It is zero if the broker does not tell.
	TopicID [16]byte
	// At is when that was so, by the wall clock, in milliseconds since the epoch.
	At int64
}

// Directory hands out the spaces of a backend and remembers them by name.
// It is not safe for concurrent use.
type Directory struct {
	backend Backend
	ids     map[string]uint32
	next    uint32
}

// OpenDirectory reads the directory of a backend.
func OpenDirectory(b Backend) (*Directory, error) {
	d := &Directory{backend: b, ids: map[string]uint32{}, next: 1}
	from := append(make([]byte, spacePrefix), 'i')
	to := append(make([]byte, spacePrefix), 'i'+1)
	var fault error
	err := b.Scan(from, to, false, func(key, value []byte) bool {
		if len(value) != 4 {
			fault = fmt.Errorf("state: the directory entry %q is damaged: delete the state folder, it is rebuilt from the changelogs", key[len(from):])
			return false
		}
		id := binary.BigEndian.Uint32(value)
		d.ids[string(key[len(from):])] = id
		d.next = max(d.next, id+1)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("state: read directory: %w", err)
	}
	return d, fault
}

// Space returns the space of one partition of a store, which is empty when it
// has never been asked for before.
func (d *Directory) Space(store string, partition int32) (Space, error) {
	name := fmt.Sprintf("%s/%d", store, partition)
	id, known := d.ids[name]
	if !known {
		id = d.next
		b := d.backend.NewBatch()
		key := append(append(make([]byte, spacePrefix), 'i'), name...)
		b.Set(key, binary.BigEndian.AppendUint32(nil, id))
		if err := b.Commit(); err != nil {
			return Space{}, fmt.Errorf("state: enter %s into the directory: %w", name, err)
		}
		d.ids[name] = id
		d.next++
	}
	s := Space{backend: d.backend}
	binary.BigEndian.PutUint32(s.prefix[:], id)
	return s, nil
}

func (s Space) positionKey() []byte {
	return append(append(make([]byte, spacePrefix), 'p'), s.prefix[:]...)
}

// Position returns the position stored by the last checkpoint or restore; ok is
// false if there is none, and then the space holds nothing that can be trusted.
func (s Space) Position() (p Position, ok bool, err error) {
	value, ok, err := s.backend.Get(nil, s.positionKey())
	if err != nil || !ok {
		return p, false, err
	}
	if len(value) != 32 {
		return p, false, nil
	}
	p.Offset = int64(binary.BigEndian.Uint64(value))
	copy(p.TopicID[:], value[8:24])
	p.At = int64(binary.BigEndian.Uint64(value[24:]))
	return p, true, nil
}

// SetPosition writes the position as part of a batch.
func (s Space) SetPosition(b Batch, p Position) {
	value := binary.BigEndian.AppendUint64(nil, uint64(p.Offset))
	value = append(value, p.TopicID[:]...)
	b.Set(s.positionKey(), binary.BigEndian.AppendUint64(value, uint64(p.At)))
}

// NewBatch returns an empty batch on the space's backend.
func (s Space) NewBatch() Batch { return s.backend.NewBatch() }

// Clear empties the space and forgets its position.
func (s Space) Clear() error {
	b := s.backend.NewBatch()
	b.DeleteRange(s.prefix[:], s.end())
	b.Delete(s.positionKey())
	return b.Commit()
}

// key is the first key of a section of the space.
func (s Space) key(section byte) []byte {
	return append(append(make([]byte, 0, 32), s.prefix[:]...), section)
}

// end is the first key behind the space.
func (s Space) end() []byte {
	return binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(s.prefix[:])+1)
}
