package stage_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tidemill/tidemill/examples/stage"
)

func untilTold(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestTheBackgroundEndsWithTheWork(t *testing.T) {
	done := errors.New("done")
	err := stage.Beside(t.Context(), untilTold, func(context.Context) error { return done })
	if !errors.Is(err, done) {
		t.Fatalf("got %v, want the error of the work", err)
	}
}

func TestABackgroundThatFailsEndsTheWork(t *testing.T) {
	broken := errors.New("broken")
	work := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	err := stage.Beside(t.Context(), func(context.Context) error { return broken }, work)
	if !errors.Is(err, broken) {
		t.Fatalf("got %v, want the error of the background", err)
	}
}
