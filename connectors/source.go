package connectors

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/record"
)

// Source is a system that messages are brought into Kafka from, by package ingest. Its
// methods are called one at a time.
type Source interface {
	// Read waits for messages and returns those that are there. Errors that pass are marked
	// with Unavailable: it is called again then. The messages are the caller's until the
	// next call.
	Read(ctx context.Context) ([]Message, error)
	// Acknowledge is called when Kafka has all messages of the last Read. What has not been
	// acknowledged should come again, after a crash too, if the system remembers it.
	Acknowledge(ctx context.Context) error
	Close() error
}

// Message is what becomes a record. A nil Key or Value is null, and a zero Time is now.
type Message struct {
	Key, Value []byte
	Headers    record.Headers
	Time       time.Time
}
