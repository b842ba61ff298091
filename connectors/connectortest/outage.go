package connectortest

import (
	"context"
	"errors"
	"time"

	"github.com/tidemill/tidemill/connectors"
)

// patience is how long the kit waits for what has to happen.
const patience = time.Minute

func (k *kit[T]) unreachable() {
	if k.Interrupt == nil {
		k.Fatal("the subject has no Interrupt: whether outages are told from faults is part of the contract")
	}
	s, _ := k.open(one)
	k.write(s, k.batch(1, k.Add("n", 1)))
	restore := k.Interrupt()
	b := k.batch(2, k.Add("n", 10))
	for range 3 {
		var unavailable *connectors.UnavailableError
		if _, err := s.Write(k.Context(), b); !errors.As(err, &unavailable) {
			k.Errorf("a write to an unreachable target ended with %v, want an UnavailableError", err)
		}
	}
	restore()
	k.persist(s, b)
	k.wantSum("n", 11)
}

// slow writes with deadlines that are too short. Whether a batch is applied is not known
// then, and it comes again.
func (k *kit[T]) slow() {
	s, _ := k.open(one)
	k.write(s, k.batch(1, k.Add("n", 1)))
	restore := func() {}
	const delay, limit = 2 * time.Second, 100 * time.Millisecond
	if k.Slow != nil {
		restore = k.Slow(delay)
	}
	batches := []*connectors.Batch[T]{k.batch(2, k.Add("n", 10)), k.batch(3, k.Add("n", 100))}
	for i, b := range batches {
		if i > 0 {
			restore()
		}
		ctx, cancel := context.WithTimeout(k.Context(), limit/time.Duration(1+1000*i))
		began := time.Now()
		_, err := s.Write(ctx, b)
		cancel()
		var unavailable *connectors.UnavailableError
		if err != nil && !errors.As(err, &unavailable) {
			k.Fatalf("a write that took too long ended with %v, want an UnavailableError", err)
		}
		if took := time.Since(began); k.Slow != nil && i == 0 && (err == nil || took > delay) {
			k.Errorf("a write with %v to go ended after %v with %v", limit, took, err)
		}
		if i == 0 {
			restore()
		}
		k.persist(s, b)
	}
	k.wantSum("n", 111)
}

// persist writes a batch for as long as the target says that it is unavailable.
func (k *kit[T]) persist(s connectors.Session[T], b *connectors.Batch[T]) {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), patience)
	defer cancel()
	for {
		_, err := s.Write(ctx, b)
		var unavailable *connectors.UnavailableError
		switch {
		case err == nil:
			return
		case !errors.As(err, &unavailable) || ctx.Err() != nil:
			k.Fatalf("a write to a target that is back ended with %v", err)
		}
	}
}
