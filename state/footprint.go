package state

// Memory is what a store holds in memory.
type Memory struct {
	// Hits are look-ups that memory answered, Misses those that the backend did.
	Hits, Misses int64
	// Entries are rows, about Bytes large together.
	Entries int
	Bytes   int64
}

// Memory tells what the store holds in memory.
func (o *overlay) Memory() Memory {
	return Memory{Hits: o.hits, Misses: o.misses, Entries: len(o.entries), Bytes: int64(o.spare + o.pinnedBytes)}
}
