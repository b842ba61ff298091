package state

import "encoding/binary"

// arena keeps encoded rows, one behind the other, until a checkpoint writes them.
// It consists of chunks, so that what is in it is hardly ever copied.
type arena struct {
	chunks, spare [][]byte
	bytes         int
}

const (
	arenaChunk = 32 << 10
	// arenaRoom is the room that a chunk should have for the next row. A longer row
	// makes the chunk grow.
	arenaRoom = 1 << 10
	// arenaFrame is the length of what is before each row: how long its key and its
	// value are.
	arenaFrame = 8
)

// open begins a row: its key is to be appended to what open returns, then split is
// to be noted, then the value appended and the whole handed to close.
func (a *arena) open() []byte {
	n := len(a.chunks)
	if n == 0 || cap(a.chunks[n-1])-len(a.chunks[n-1]) < arenaRoom {
		a.chunks = append(a.chunks, a.fresh())
		n++
	}
	return append(a.chunks[n-1], make([]byte, arenaFrame)...)
}

func (a *arena) fresh() []byte {
	if n := len(a.spare); n > 0 {
		chunk := a.spare[n-1]
		a.spare = a.spare[:n-1]
		return chunk[:0]
	}
	return make([]byte, 0, arenaChunk)
}

// close ends a row whose value begins at split, and returns its key and value.
func (a *arena) close(chunk []byte, split int) (key, value []byte) {
	last := &a.chunks[len(a.chunks)-1]
	begin := len(*last)
	row := chunk[begin:]
	binary.BigEndian.PutUint32(row, uint32(split-begin-arenaFrame))
	binary.BigEndian.PutUint32(row[4:], uint32(len(chunk)-split))
	*last = chunk
	a.bytes += len(row)
	return chunk[begin+arenaFrame : split], chunk[split:]
}

// each calls f for every row, oldest first.
func (a *arena) each(f func(key, value []byte)) {
	for _, chunk := range a.chunks {
		for len(chunk) > 0 {
			split := arenaFrame + int(binary.BigEndian.Uint32(chunk))
			end := split + int(binary.BigEndian.Uint32(chunk[4:]))
			f(chunk[arenaFrame:split], chunk[split:end])
			chunk = chunk[end:]
		}
	}
}

// arenaMark is a place in an arena.
type arenaMark struct{ chunks, length, bytes int }

func (a *arena) mark() arenaMark {
	m := arenaMark{chunks: len(a.chunks), bytes: a.bytes}
	if m.chunks > 0 {
		m.length = len(a.chunks[m.chunks-1])
	}
	return m
}

// rollback takes back every row since the mark.
func (a *arena) rollback(m arenaMark) {
	a.spare = append(a.spare, a.chunks[m.chunks:]...)
	a.chunks = a.chunks[:m.chunks]
	if m.chunks > 0 {
		a.chunks[m.chunks-1] = a.chunks[m.chunks-1][:m.length]
	}
	a.bytes = m.bytes
}

// reset empties the arena and keeps its memory for the next rows.
func (a *arena) reset() {
	a.spare = append(a.spare[:0], a.chunks...)
	a.chunks, a.bytes = a.chunks[:0], 0
}
