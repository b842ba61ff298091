package runtime

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
)

// unknownTime is the partition time before the first record.
const unknownTime = -1

// offsetMetadata is what Kafka Streams keeps beside a committed offset, and what
// a worker that takes the partition over goes on with.
type offsetMetadata struct {
	// time is the highest timestamp that the partition has shown, in
	// milliseconds since the Unix epoch, or unknownTime.
	time int64
	// progress is, for each store that emits final windows, up to what time it
	// has emitted them.
	progress map[string]int64
}

// The two versions of the format; the first has no progress.
const (
	offsetMetadataV1 = 1
	offsetMetadataV2 = 2
)

// encode returns the metadata as the string that is committed, in version 2.
func (m offsetMetadata) encode() string {
	buf := []byte{offsetMetadataV2}
	buf = binary.BigEndian.AppendUint64(buf, uint64(m.time))
	if len(m.progress) > 0 {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(m.progress)))
		for _, store := range slices.Sorted(maps.Keys(m.progress)) {
			buf = binary.BigEndian.AppendUint32(buf, uint32(len(store)))
			buf = append(buf, store...)
			buf = binary.BigEndian.AppendUint64(buf, uint64(m.progress[store]))
		}
	}
	return base64.StdEncoding.EncodeToString(buf)
}

// decodeOffsetMetadata reads either version. What it does not understand is an
// unknown time without progress, as in Kafka Streams: metadata is anybody's to
// write.
func decodeOffsetMetadata(s string) offsetMetadata {
	unknown := offsetMetadata{time: unknownTime}
	buf, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(buf) < 9 {
		return unknown
	}
	m := offsetMetadata{time: int64(binary.BigEndian.Uint64(buf[1:]))}
	switch rest := buf[9:]; buf[0] {
	case offsetMetadataV1:
		return m
	case offsetMetadataV2:
		var whole bool
		if m.progress, whole = decodeProgress(rest); whole {
			return m
		}
	}
	return unknown
}

// decodeProgress reads the part of version 2 that is absent if it is empty.
func decodeProgress(buf []byte) (map[string]int64, bool) {
	if len(buf) == 0 {
		return nil, true
	}
	count, buf, whole := cutUint32(buf)
	progress := make(map[string]int64)
	for range count {
		var n uint32
		if n, buf, whole = cutUint32(buf); !whole || uint64(len(buf)) < uint64(n)+8 {
			return nil, false
		}
		progress[string(buf[:n])] = int64(binary.BigEndian.Uint64(buf[n:]))
		buf = buf[n+8:]
	}
	return progress, whole
}

func cutUint32(buf []byte) (uint32, []byte, bool) {
	if len(buf) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(buf), buf[4:], true
}
