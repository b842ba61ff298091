package window

import (
	"fmt"
	"time"
)

// Key is a key together with one window that it falls into.
type Key[K any] struct {
	Key K
	// Start and End bound the window, in milliseconds since the Unix epoch. The
	// end is exclusive for tumbling and hopping windows.
	Start, End int64
}

// StartTime is the start of the window, in UTC.
func (k Key[K]) StartTime() time.Time { return time.UnixMilli(k.Start).UTC() }

// EndTime is the end of the window, in UTC.
func (k Key[K]) EndTime() time.Time { return time.UnixMilli(k.End).UTC() }

// String is the key and its bounds as Kafka Streams prints them.
func (k Key[K]) String() string { return fmt.Sprintf("[%v@%d/%d]", k.Key, k.Start, k.End) }
