package runtime

import (
	"encoding/base64"
	"reflect"
	"testing"
)

// The strings were written by Kafka Streams 4.3.1.
var offsetMetadataVectors = map[string]offsetMetadata{
	"AgAAAAAAAAAZ":                                 {time: 25},
	"AgAAAAAAAAAZAAAAAQAAAAJzdAAAAAAAAAAj":         {time: 25, progress: map[string]int64{"st": 35}},
	"AgAAAYvP5YsoAAAAAQAAAAh3aW5maW5hbAAAAYvP5Yso": {time: 1700000009000, progress: map[string]int64{"winfinal": 1700000009000}},
}

func TestOffsetMetadataIsKafkaStreams(t *testing.T) {
	for text, want := range offsetMetadataVectors {
		if got := want.encode(); got != text {
			t.Errorf("encoded %+v as %s, want %s", want, got, text)
		}
		if got := decodeOffsetMetadata(text); !reflect.DeepEqual(got, want) {
			t.Errorf("decoded %s as %+v, want %+v", text, got, want)
		}
	}
}

func TestDecodeOffsetMetadata(t *testing.T) {
	for _, row := range []struct {
		name string
		raw  []byte
		time int64
	}{
		{"version 1 has a time only", []byte{1, 0, 0, 0, 0, 0, 0, 0, 25}, 25},
		{"nothing", nil, -1},
		{"half a time", []byte{2, 0, 0, 0, 0, 0, 0, 0}, -1},
		{"a version of the future", []byte{3, 0, 0, 0, 0, 0, 0, 0, 25}, -1},
		{"half a count", []byte{2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0}, -1},
		{"a store that is missing", []byte{2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1}, -1},
		{"a name longer than the rest", []byte{2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 255, 255, 255, 255, 1, 2, 3, 4, 5, 6, 7, 8}, -1},
		{"a store without its time", []byte{2, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 's', 1, 2}, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := decodeOffsetMetadata(base64.StdEncoding.EncodeToString(row.raw))
			if want := (offsetMetadata{time: row.time}); !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	if got := decodeOffsetMetadata("not base64"); got.time != unknownTime {
		t.Errorf("text of another client is %+v", got)
	}
}

func FuzzDecodeOffsetMetadata(f *testing.F) {
	for text := range offsetMetadataVectors {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := decodeOffsetMetadata(text)
		if again := decodeOffsetMetadata(m.encode()); again.time != m.time || len(again.progress) != len(m.progress) {
			t.Errorf("%q is %+v, which reads back as %+v", text, m, again)
		}
	})
}
