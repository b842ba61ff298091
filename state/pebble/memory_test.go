package pebble

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestMemoryStaysWithinItsBound(t *testing.T) {
	const cache, buffer, entries = 1 << 20, 256 << 10, 60_000
	b := openTest(t, newMem(t), CacheSize(cache), WriteBufferSize(buffer))
	largest := int64(0)
	key := make([]byte, 20)
	for i := 0; i < entries; {
		batch := b.NewBatch()
		for range 200 {
			binary.BigEndian.PutUint64(key, rand.Uint64())
			batch.Set(key, make([]byte, 30))
			i++
		}
		if err := batch.Commit(); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			binary.BigEndian.PutUint64(key, rand.Uint64())
			if err := b.Scan(key, nil, false, func(_, _ []byte) bool { return false }); err != nil {
				t.Fatal(err)
			}
		}
		m := b.db.Metrics()
		used := m.BlockCache.Size + int64(m.MemTable.Size+m.MemTable.ZombieSize)
		largest = max(largest, used)
	}
	const bound, blocks = cache + writeBuffers*buffer, 64 << 10 // of 4 KiB, one too many in each shard
	if largest > bound+blocks {
		t.Errorf("the database used %d bytes; want at most %d", largest, bound)
	}
	if largest < cache {
		t.Errorf("the database used %d bytes at most: too few to show anything", largest)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
