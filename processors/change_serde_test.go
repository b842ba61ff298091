package processors_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

type change = processors.Change[string]

var changes = processors.ChangeSerde(serde.String())

// The first three are what Kafka Streams 4.3.1 wrote, the last three what it reads.
func TestChangesAreEncodedAsKafkaStreamsDoes(t *testing.T) {
	long := strings.Repeat("n", 100)
	for _, c := range []struct {
		name   string
		change change
		bytes  string
		read   bool // only
	}{
		{"a new row", change{New: "xa", HasNew: true}, "786101", false},
		{"another row", change{New: "xb", HasNew: true, Old: "xa", HasOld: true}, "047862786102", false},
		{"a deleted row", change{Old: "xb", HasOld: true}, "786200", false},
		{"an empty row", change{HasNew: true}, "01", false},
		{"an empty row that was empty", change{HasNew: true, HasOld: true}, "0002", false},
		{"a length of two bytes", change{New: long, HasNew: true, Old: "o", HasOld: true}, "c801" + hex.EncodeToString([]byte(long)) + "6f02", false},
		{"a deleted row, the latest version", change{Old: "o", HasOld: true}, "6f0103", true},
		{"a new row, an older version", change{New: "n", HasNew: true, Older: true}, "6e0004", true},
		{"another row, an older version", change{New: "n", HasNew: true, Old: "o", HasOld: true, Older: true}, "026e6f0005", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := changes.Decode(unhex(t, c.bytes))
			if err != nil || got != c.change {
				t.Errorf("Decode = %+v, %v, want %+v", got, err, c.change)
			}
			if c.read {
				return
			}
			written, err := changes.Append([]byte("before"), c.change)
			if err != nil || hex.EncodeToString(written) != hex.EncodeToString([]byte("before"))+c.bytes {
				t.Errorf("Append = %x, %v, want %s", written, err, c.bytes)
			}
		})
	}
}

func TestDamagedChangesAreFaults(t *testing.T) {
	for bytes, want := range map[string]string{
		"":             "has at least 1 byte",
		"06":           "the unknown form 6",
		"ff":           "the unknown form 255",
		"02":           "does not tell the length",
		"0602":         "does not tell the length", // a length of 3 in a record of none
		"0102":         "does not tell the length", // a length of -1
		"ffffffffff02": "does not tell the length",
		"04":           "does not say whether it is the latest version",
		"6e0204":       "does not say whether it is the latest version",
	} {
		if _, err := changes.Decode(unhex(t, bytes)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Decode(%s) = %v, want %q", bytes, err, want)
		}
	}
	if _, err := changes.Append(nil, change{}); err == nil {
		t.Error("a change of nothing is encoded")
	}
}

func FuzzChangeSerde(f *testing.F) {
	for _, seed := range []string{"xa\x01", "\x04xbxa\x02", "xb\x00", "o\x01\x03", "n\x00\x04", "\x02no\x00\x05", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := changes.Decode(data)
		if err != nil {
			return
		}
		written, err := changes.Append(nil, c)
		if err != nil {
			t.Fatalf("%+v of %x cannot be written: %v", c, data, err)
		}
		c.Older = false // is not written
		if again, err := changes.Decode(written); err != nil || again != c {
			t.Fatalf("%x is %+v, %v, want %+v", written, again, err, c)
		}
	})
}
