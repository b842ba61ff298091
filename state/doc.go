// Package state holds the stores of a topology: key-value, timestamped and
// window stores, typed, over one ordered Backend for the whole worker.
//
// Each store keeps a write-back cache of typed values in front of the backend.
// It is also the overlay of what is not committed yet: a write is first seen by
// the task that made it, then flushed (logged to the changelog and forwarded
// downstream) when the task commits, and reaches the backend only in a
// checkpoint taken after a commit. So the backend always holds some committed
// state, together with the changelog position that it corresponds to, and a
// worker that dies replays only what came after.
//
// A store belongs to one task and is not safe for concurrent use.
package state
