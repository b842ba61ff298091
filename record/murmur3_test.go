package record_test

import (
	"encoding/hex"
	"testing"

	"github.com/tidemill/tidemill/record"
)

// The sums are those that Kafka Streams 4.3.1 computes.
func TestMurmur3EqualsKafkaStreams(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "9d2764a018e329428c3cf3b035938518",
		"a":                          "3361634e7e0f5188e9c7dda24eae326b",
		"fk":                         "3741d47f121e024f093b606dc1f7c4c6",
		"hello world":                "bd699b58e46894087d50ce87a7f20429",
		"abcdefghijklmnopqrstuvwxyz": "5efefe9e4caeb93a00267d0f976cf856",
	} {
		sum := record.Murmur3([]byte(text))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("Murmur3(%q) = %s, want %s", text, got, want)
		}
	}
}

func BenchmarkMurmur3(b *testing.B) {
	data := make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		record.Murmur3(data)
	}
}
