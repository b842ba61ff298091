package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/state/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackendKeepsTheContract(t *testing.T) {
	statetest.Run(t, func(*testing.T, string) state.Backend { return memory.New() })
}

func TestScanSeesTheStateAtItsBeginning(t *testing.T) {
	b := memory.New()
	set := func(key, value string) {
		batch := b.NewBatch()
		batch.Set([]byte(key), []byte(value))
		if err := batch.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	set("a", "1")
	set("b", "1")
	got := ""
	if err := b.Scan(nil, nil, false, func(key, value []byte) bool {
		got += string(key) + string(value) + " "
		set("b", "2")
		set("c", "2")
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if got != "a1 b1 " {
		t.Errorf("Scan yielded %q, want a1 b1", got)
	}
}
