package statetest

import (
	"os"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// RunDurable checks that the backends that open returns survive Close, and the
// death of their process at any time, as state.Backend demands.
//
// It kills processes: it runs the test binary again for the test t alone. So
// what the test does before it calls RunDurable must be cheap and the same every
// time. open should choose small buffers, so that a backend writes to disk by
// itself within some thousand small batches.
func RunDurable(t *testing.T, open func(t *testing.T, dir string) state.Backend) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		commitUntilKilled(t, open, dir)
		return
	}
	t.Run("what was committed before Close is there after opening again", func(t *testing.T) {
		j, dir := Journal{newSeed(t)}, t.TempDir()
		n := uint64(0)
		for range 4 {
			b := open(t, dir)
			if got := j.Check(t, b); got != n {
				t.Errorf("%d batches survived Close; want %d", got, n)
			}
			for range 700 {
				n++
				if err := j.Commit(b, n); err != nil {
					t.Fatal(err)
				}
			}
			closeBackend(t, b)
		}
	})
	test := t.Name()
	t.Run("a killed process leaves a prefix with all that was flushed", func(t *testing.T) {
		killRounds(t, test, open)
	})
}

func closeBackend(t testing.TB, b state.Backend) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}
