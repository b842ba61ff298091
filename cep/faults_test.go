package cep_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func TestBuildReportsWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		name    string
		p       pattern
		options []cep.Option
		want    []string
	}{
		{"a pattern without a beginning", pattern{}.Where(is("a")), nil, []string{"start it with Begin"}},
		{"times that are not positive", ab.Within(0).Gap(-1), nil, []string{"Within is 0s", `stage "b": Gap is -1ns`}},
		{"conditions that are nil", cep.Begin[string]("a").Where(nil).OneOrMore().UntilSoFar(nil), nil, []string{`a condition of stage "a" is nil`}},
		{"at most no event", begin("a").Times(0), nil, []string{"takes at most 0 events"}},
		{"no different values", begin("a").Distinct(0, is("b")), nil, []string{"Distinct needs at least 1 value"}},
		{"a negative number of events", begin("a").AtLeast(-1), nil, []string{"use Optional"}},
		{"several faults", begin("a").Greedy().NotFollowedBy("b").SkipToLast("c"), nil, []string{"Greedy is for stages", "say for how long", `skip to stage "c"`}},
		{"a negative grace", ab, []cep.Option{cep.Grace(-1)}, []string{"Grace is -1ns"}},
		{"no partial matches", ab, []cep.Option{cep.MaxPartialMatches(0)}, []string{"MaxPartialMatches is 0"}},
		{"a store name that is none of a topic", ab, []cep.Option{topology.StoreName("a b")}, []string{`store "a b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := build(c.p, c.options...).Build()
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if err != nil && strings.Count(err.Error(), "\n") != len(c.want)-1 {
				t.Errorf("got %v, want %d faults", err, len(c.want))
			}
		})
	}
}

func TestChosenNamesSatisfyStrictTopologies(t *testing.T) {
	b := build(ab)
	b.RequireNames()
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"look-store", "look-matches", "look-timed-out"} {
		if !strings.Contains(plan.Describe(), want) {
			t.Errorf("%s is not in\n%s", want, plan.Describe())
		}
	}
}

func TestNamesThatAreNotChosenFollowFromThePosition(t *testing.T) {
	b := topology.New("cep")
	cep.Detect(b.Stream[string, string]("events"), ab).MapValues(line).To("matches")
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(plan.Describe(), "CEP-DETECT-0000000001 (stores: [CEP-DETECT-0000000001-store])") {
		t.Errorf("got\n%s", plan.Describe())
	}
}

// A condition that panics fails the work at hand only.
func TestAFailingConditionLeavesItsEventBehind(t *testing.T) {
	fragile := begin("a").FollowedBy("b").Where(func(event string) bool {
		if event == "bad" {
			panic("bad event")
		}
		return is("b")(event)
	}).Within(10 * time.Second)
	for _, c := range []struct {
		name    string
		options []cep.Option
		dropped int64
	}{
		{"when it comes", nil, 0},
		{"when it has waited for its time", []cep.Option{cep.Grace(3 * time.Second)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := topologytest.New(t, build(fragile, c.options...), topologytest.OnError(tidemill.Skip()))
			in := d.Input[string, string]("events").Clock(0, time.Second)
			for _, e := range []string{"a0", "bad", "a2", "b3", "x4", "x5", "x6"} {
				in.Next("k", e)
			}
			in.Send("k", "x", 100*time.Second)
			if got, want := both(d), "k=a0 b3@3000 k=a2 b3@3000 | |"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if n := len(d.Reports()); n != 1 {
				t.Errorf("%d failures are reported, want 1: %v", n, d.Reports())
			}
			if n := d.Dropped()["failed while it waited for its time"]; n != c.dropped {
				t.Errorf("%d events are counted as dropped, want %d", n, c.dropped)
			}
			if d.Reports()[0].Err.Node != "look" {
				t.Errorf("the failure is reported of node %q", d.Reports()[0].Err.Node)
			}
		})
	}
}
