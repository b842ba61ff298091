package pebble

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeBuffers is the number of write buffers that may exist: one is filled
// while another is flushed, and one that was flushed is kept for reuse.
const writeBuffers = 3

// pebbleOptions returns Pebble's options for states of many small entries that
// are written in large batches and read at random, often in vain.
func (c config) pebbleOptions(fs vfs.FS, events *pebble.EventListener, logger pebble.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:            fs,
		Logger:        logger,
		EventListener: events,

		// Fixed, for a later Pebble may have another default and a database
		// cannot be downgraded.
		FormatMajorVersion: pebble.FormatTableFormatV6,

		// See doc.go for what remains after a crash.
		DisableWAL: true,

		// Pebble takes the write buffers out of the cache's size.
		CacheSize:                   c.cacheSize + writeBuffers*c.writeBufferSize,
		MemTableSize:                uint64(c.writeBufferSize),
		MemTableStopWritesThreshold: writeBuffers - 1,
		MaxOpenFiles:                c.maxOpenFiles,

		// One background compaction, a second one if it falls behind: the other
		// cores are for the tasks.
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
	}
	// A flush writes one file or two, each with an fsync, instead of many.
	o.TargetFileSizes[0] = 8 << 20
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	return o
}
