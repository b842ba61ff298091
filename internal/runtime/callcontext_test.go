package runtime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallsContextEndsAtItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := newCallContext(t.Context(), time.Second)
		defer ctx.cancel()
		if at, ok := ctx.Deadline(); !ok || time.Until(at) != time.Second {
			t.Errorf("the deadline is %v", at)
		}
		if err := ctx.Err(); err != nil {
			t.Errorf("it ended early: %v", err)
		}
		began := time.Now()
		<-ctx.Done()
		if took := time.Since(began); took != time.Second || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("it ended after %v with %v", took, ctx.Err())
		}
	})
}

func TestADerivedContextEndsWithTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
		defer cancel(nil)
		ctx := newCallContext(parent, time.Second)
		if ctx.Value(key{}) != "value" {
			t.Error("the parent's value is lost")
		}
		derived, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		if at, _ := derived.Deadline(); time.Until(at) != time.Second {
			t.Errorf("the derived deadline is %v", at)
		}
		cancel(errGivenUp)
		<-derived.Done()
		if !errors.Is(context.Cause(derived), errGivenUp) || derived.Value(key{}) != "value" {
			t.Errorf("it ended because of %v", context.Cause(derived))
		}
	})
}

func TestACallsContextEndsWithTheCall(t *testing.T) {
	for _, asked := range []bool{true, false} {
		ctx := newCallContext(t.Context(), time.Hour)
		if asked && ctx.Err() != nil {
			t.Error("it ended early")
		}
		ctx.cancel()
		<-ctx.Done()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("it ended with %v", ctx.Err())
		}
	}
}
