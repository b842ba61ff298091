// Package pebble keeps the state of a worker on disk, in one Pebble database.
//
// # Memory
//
// The database uses about CacheSize plus three times WriteBufferSize at most, 80
// MiB unless set otherwise, however many stores and partitions there are. While
// fewer write buffers exist, the cache uses their share. On top come batches
// that are not yet committed; those of at least half a write buffer, until they
// are on disk; write buffers that a scan in progress began with; the blocks that
// a compaction works on; and a little for each open file.
//
// # What survives
//
// After a crash the database holds the effect of some prefix of the committed
// batches, each whole or not at all, without a write-ahead log. That rests on
// how Pebble works:
//
//   - A batch gets its sequence numbers and its place in the newest write buffer
//     in one step under the commit lock. A batch that does not fit goes whole
//     into the next buffer, and one of at least half a buffer into a buffer of
//     its own, after the older ones. So batches are never split, and the queue
//     of buffers is in the order of the commits. A range deletion is an entry
//     like the others and stays with its batch.
//   - A flush takes buffers from the old end of the queue only, and only those
//     in which no commit is still writing. It writes and syncs their tables,
//     then adds them all in one synced record of the MANIFEST. Before that
//     record the tables do not count; with it all of them do.
//   - Compactions change the tables' layout, not what they hold, in such a
//     record too.
//
// Flush moves the newest buffer to the queue and waits until it has been flushed:
// then all that was committed before survives, also a loss of power. What
// was not flushed comes back from the changelogs.
//
// # Faults
//
// If the disk is full, or writing to it fails otherwise, Commit, Flush and Close
// return the error until a retry in the background succeeds. A commit that
// already waits for a free write buffer waits on. If the MANIFEST itself cannot
// be written, the process panics, for Pebble then no longer knows what is on
// disk; the prefix there is intact. A damaged table makes the reads that meet it
// fail with ErrUnreadable.
package pebble
