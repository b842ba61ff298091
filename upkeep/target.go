package upkeep

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Target is where an application is set back to.
type Target struct {
	name   string
	offset int64
	at     time.Time
}

// Earliest is the first record that there still is.
func Earliest() Target { return Target{name: "earliest"} }

// Latest is behind the newest record.
func Latest() Target { return Target{name: "latest"} }

// Offset is the record of this offset, or the nearest that there is.
func Offset(n int64) Target { return Target{name: "offset", offset: n} }

// At is the first record of this time or later, by the timestamps of the records.
func At(t time.Time) Target { return Target{name: "time", at: t} }

// ParseTarget reads a target as people write it: earliest, latest, an offset, or a time
// as in RFC 3339.
func ParseTarget(s string) (Target, error) {
	switch s {
	case "earliest":
		return Earliest(), nil
	case "latest":
		return Latest(), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return Offset(n), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return At(t), nil
	}
	return Target{}, fmt.Errorf("upkeep: no position %q: give earliest, latest, an offset from 0 on, or a time like 2026-01-31T12:00:00Z", s)
}

// String is the target as people write it.
func (t Target) String() string {
	switch t.name {
	case "offset":
		return strconv.FormatInt(t.offset, 10)
	case "time":
		return t.at.Format(time.RFC3339Nano)
	}
	return t.name
}

// find returns the offset of a target in each partition of topics, given their bounds.
func (c *Client) find(ctx context.Context, to Target, starts, ends kadm.ListedOffsets, topics []string) (kadm.ListedOffsets, error) {
	switch to.name {
	case "earliest":
		return starts, nil
	case "latest":
		return ends, nil
	case "time":
		found, err := c.admin.ListOffsetsAfterMilli(ctx, to.at.UnixMilli(), topics...)
		if err == nil {
			err = found.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("upkeep: offsets by time: %w", err)
		}
		return found, nil
	case "offset":
		found := kadm.ListedOffsets{}
		ends.Each(func(end kadm.ListedOffset) {
			start, _ := starts.Lookup(end.Topic, end.Partition)
			end.Offset = min(max(to.offset, start.Offset), end.Offset)
			if found[end.Topic] == nil {
				found[end.Topic] = map[int32]kadm.ListedOffset{}
			}
			found[end.Topic][end.Partition] = end
		})
		return found, nil
	}
	return nil, fmt.Errorf("upkeep: there is no target: take Earliest, Latest, Offset or At")
}
