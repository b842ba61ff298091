package brokertest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Difference is one thing that the embedded broker does otherwise than Apache
// Kafka.
type Difference struct {
	// Name is how docs/embedded-broker.md calls it.
	Name string
	// Embedded and Kafka are what the probe finds on either.
	Embedded, Kafka string

	probe func(*probe) (string, error)
}

// Differences returns all differences that a probe can show.
func Differences() []Difference {
	const accepted = "accepted"
	return []Difference{
		{"Unknown topic configurations", accepted, "INVALID_CONFIG", unknownConfig},
		{"Impossible configuration values", accepted, "INVALID_CONFIG", impossibleConfig},
		{"Described configurations", "not described", "described", describedConfig},
		{"Records without a key in compacted topics", accepted, "INVALID_RECORD", compactedWithoutKey},
		{"Timestamps in the future", accepted, "INVALID_TIMESTAMP", futureTimestamp},
		{"Log append time", "the producer's time", "the broker's time", logAppendTime},
		{"Log start after compaction", "moved", "kept", compactionMovesStart},
		{"Unstable offsets of other partitions", "UNSTABLE_OFFSET_COMMIT", accepted, unstableOtherPartition},
		{"Long offset metadata", accepted, "OFFSET_METADATA_TOO_LARGE", longMetadata},
		{"Stale producer epochs", accepted, "PRODUCER_FENCED", staleEpoch},
		{"Version of TxnOffsetCommit", "6", "5", txnOffsetCommitVersion},
	}
}

// Find runs the probe on the broker at addrs and returns what it finds, to be
// compared with Embedded or Kafka.
func (d Difference) Find(t *testing.T, addrs []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cl, err := newClient(addrs)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	found, err := d.probe(&probe{ctx, addrs, cl, kadm.NewClient(cl)})
	if err != nil {
		t.Fatalf("%s: %v", d.Name, err)
	}
	return found
}

// probe is what a probe works with.
type probe struct {
	ctx   context.Context
	addrs []string
	cl    *kgo.Client
	admin *kadm.Client
}

// topic creates a topic with the given configurations, name and value in turn.
func (p *probe) topic(configs ...string) (string, error) {
	set := make(map[string]*string)
	for i := 0; i+1 < len(configs); i += 2 {
		set[configs[i]] = &configs[i+1]
	}
	name := unique("difference")
	return name, create(p.ctx, p.admin, name, 2, set)
}

// answer is how the broker took a request: its error's name, or accepted.
func answer(err error) (string, error) {
	if err == nil {
		return "accepted", nil
	}
	if refusal := (*kerr.Error)(nil); errors.As(err, &refusal) {
		return refusal.Message, nil
	}
	return "", fmt.Errorf("no answer of the broker: %w", err)
}
