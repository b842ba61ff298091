package sagas

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/state/memory"
)

func oneStep(version int) *Definition {
	s := Define[int]("orders").Version(version)
	s.Step("pay", Send("payments", "pay", func(int) int { return 0 }))
	return s.Definition()
}

func TestAVersionStaysUntilItsSagasAreForgotten(t *testing.T) {
	first, second := oneStep(1), oneStep(2)
	both, faults := register([]Defined{first, second})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	used := newRows(t, memory.New())
	for range 2 {
		if err := both.count(used, first, 1); err != nil {
			t.Fatal(err)
		}
	}
	only, _ := register([]Defined{second})
	err := only.verify(used)
	if err == nil || !strings.Contains(err.Error(), "2 sagas go by definition orders/1, which the orchestrator does not have: keep it") {
		t.Errorf("the error is %v", err)
	}
	if err := both.verify(used); err != nil {
		t.Errorf("with both versions: %v", err)
	}
	for range 2 {
		if err := both.count(used, first, -1); err != nil {
			t.Fatal(err)
		}
	}
	if err := only.verify(used); err != nil {
		t.Errorf("when they are forgotten: %v", err)
	}
}

func TestTheNewestVersionIsTheDefault(t *testing.T) {
	r, _ := register([]Defined{oneStep(1), oneStep(3), oneStep(2)})
	if d := r.find("orders", 0); d.Version() != 3 {
		t.Errorf("the default is version %d", d.Version())
	}
	if r.find("orders", 4) != nil || r.find("others", 0) != nil {
		t.Error("there are definitions that nobody made")
	}
}
