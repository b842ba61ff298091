package record

import "encoding/binary"

// Murmur2 is the 32-bit murmur2 hash with the seed of Kafka's Java client
// (org.apache.kafka.common.utils.Utils.murmur2), which its partitioner uses.
func Murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> 24
		h = h*m ^ k*m
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// PartitionOf is the partition that Kafka's Java client picks for a record with
// this serialized key in a topic of n partitions.
func PartitionOf(key []byte, n int32) int32 {
	return int32(Murmur2(key)&0x7fffffff) % n
}
