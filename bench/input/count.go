package input

import (
	"encoding/binary"
	"fmt"
)

// AppendCount encodes a count as a result topic holds it: 8 bytes, big-endian.
func AppendCount(dst []byte, n int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(n)) }

// Count decodes what AppendCount encoded.
func Count(value []byte) (int64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("a count has 8 bytes, this has %d", len(value))
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}
