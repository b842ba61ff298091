package record

import (
	"encoding/binary"
	"math/bits"
)

// Murmur3 is the 128-bit murmur3 hash, in its form for 64-bit machines, with the
// seed of Kafka Streams (org.apache.kafka.streams.state.internals.Murmur3), which
// tells by it whether a row has changed. Its two halves are big-endian.
func Murmur3(data []byte) (sum [16]byte) {
	const seed, c1, c2 = 104729, 0x87c37b91114253d5, 0x4cf5ad432745937f
	h1, h2, length := uint64(seed), uint64(seed), uint64(len(data))
	low := func(k uint64) uint64 { return bits.RotateLeft64(k*c1, 31) * c2 }
	high := func(k uint64) uint64 { return bits.RotateLeft64(k*c2, 33) * c1 }
	for ; len(data) >= 16; data = data[16:] {
		h1 ^= low(binary.LittleEndian.Uint64(data))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= high(binary.LittleEndian.Uint64(data[8:]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var tail [16]byte
	copy(tail[:], data)
	h1 ^= low(binary.LittleEndian.Uint64(tail[:])) ^ length
	h2 ^= high(binary.LittleEndian.Uint64(tail[8:])) ^ length
	h1 += h2
	h2 += h1
	h1, h2 = spread(h1), spread(h2)
	h1 += h2
	h2 += h1
	binary.BigEndian.PutUint64(sum[:], h1)
	binary.BigEndian.PutUint64(sum[8:], h2)
	return sum
}

// spread makes every bit of a hash depend on every other.
func spread(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
