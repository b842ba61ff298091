package serde_test

import (
	"math"
	"testing"
	"time"

	"github.com/tidemill/tidemill/serde"
)

func TestTimeIsMillisecondsSinceTheEpoch(t *testing.T) {
	wire(t, "the epoch", serde.Time(), time.Unix(0, 0).UTC(), "0000000000000000")
	wire(t, "a millisecond later", serde.Time(), time.UnixMilli(1).UTC(), "0000000000000001")
	wire(t, "a millisecond before", serde.Time(), time.UnixMilli(-1).UTC(), "ffffffffffffffff")
	wire(t, "a time in 2024", serde.Time(), time.Date(2024, 2, 29, 12, 0, 0, 5e6, time.UTC), "0000018df4bc5605")
	wire(t, "the zero time", serde.Time(), time.Time{}, "ffffc77cedd32800")
	wire(t, "the last millisecond", serde.Time(), time.UnixMilli(math.MaxInt64).UTC(), "7fffffffffffffff")
	wire(t, "the first millisecond", serde.Time(), time.UnixMilli(math.MinInt64).UTC(), "8000000000000000")
	allocates(t, "neither direction allocates", serde.Time(), time.UnixMilli(1e12), 0, 0)
}

func TestTimeLosesWhatIsFinerAndTheZone(t *testing.T) {
	there := time.FixedZone("there", 3600)
	for _, row := range []struct {
		name      string
		give      time.Time
		wantMilli int64
	}{
		{"after the epoch it is cut", time.Unix(1, 999_999_999).In(there), 1999},
		{"before the epoch it goes to the past", time.Unix(-1, 1).In(there), -1000},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, err := serde.Time().Append(nil, row.give)
			if err != nil {
				t.Fatal(err)
			}
			got, err := serde.Time().Decode(data)
			if err != nil || got != time.UnixMilli(row.wantMilli).UTC() {
				t.Errorf("got %v, %v, want %d ms in UTC", got, err, row.wantMilli)
			}
		})
	}
}

func TestTimeRefusesWhatHasNoMilliseconds(t *testing.T) {
	for _, seconds := range []int64{math.MaxInt64/1000 + 1, math.MinInt64/1000 - 2, 1 << 60, -1 << 60} {
		got, err := serde.Time().Append([]byte("kept"), time.Unix(seconds, 0))
		saying(t, err, "too far away from 1970")
		if string(got) != "kept" {
			t.Errorf("dst became %q next to the error", got)
		}
	}
	refuses(t, "seconds in 4 bytes", serde.Time(), "abcd", "want 8 bytes for time.Time, got 4")
}

func FuzzTime(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) { exactly(t, serde.Time(), data) })
}
