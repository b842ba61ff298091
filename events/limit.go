package events

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/record"
)

// MaxBytes limits the size of payloads where events are published or read. An event that
// is larger is refused with a *TooLargeError: by the policy for producing where it is
// published, and as undecodable where it is read, before anything is decoded. Where
// nothing is said, only Kafka's own limits hold (max.message.bytes), and what is beyond
// them is handled by the policy for producing as well.
func MaxBytes(n int) LimitOption { return LimitOption(n) }

// LimitOption is what MaxBytes returns.
type LimitOption int

func (n LimitOption) publish(p *publishing) { p.limit = int(n) }
func (n LimitOption) read(r *reading)       { r.limit = int(n) }

// TooLargeError says that an event is larger than the limit of whoever publishes or reads
// it.
type TooLargeError struct{ Bytes, Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the event has %d bytes, and %d are the limit: keep what is large elsewhere and name the place, or raise MaxBytes", e.Bytes, e.Limit)
}

func tooLarge(bytes, limit int) error {
	if limit <= 0 || bytes <= limit {
		return nil
	}
	return &TooLargeError{bytes, limit}
}

// decode is Decode within the limit.
func (r *reading) decode(value []byte, headers record.Headers, timestamp int64) (Event, error) {
	if err := tooLarge(len(value), r.limit); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return Decode(value, headers, time.UnixMilli(timestamp).UTC())
}
