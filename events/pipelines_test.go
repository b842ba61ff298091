package events_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func TestPipelinesStopAndStartByName(t *testing.T) {
	b := topology.New("app")
	p := events.NewPipelines(b)
	p.Define[string, int64]("high", "threats").Filter(func(_ string, n int64) bool { return n >= 8 }).To("high-priority")
	p.Define[string, int64]("all", "raw").MapValues(func(n int64) int64 { return n * 10 }).To("tens")
	d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.Partitions(2))
	high, raw := d.Input[string, int64]("threats").To(1), d.Input[string, int64]("raw")
	values := func(topic string) (out []int64) {
		for _, r := range d.Output[string, int64](topic).All() {
			out = append(out, r.Value)
		}
		return out
	}
	d.Advance(time.Second)
	if got, want := fmt.Sprint(p.List()), "[{high threats running} {all raw running}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	high.Send("a", 8, noon)
	if err := p.Stop("high"); err != nil {
		t.Fatal(err)
	}
	high.Send("a", 9, noon.Add(time.Second))
	d.Wipe()
	high.Send("b", 10, noon.Add(2*time.Second))
	high.Delete("c", noon)
	raw.Send("x", 1, noon)
	d.Advance(time.Second)
	if got := fmt.Sprint(values("high-priority"), values("tens"), p.List()); got != "[8] [10] [{high threats stopped} {all raw running}]" {
		t.Errorf("while one is stopped: %s", got)
	}
	if err := p.Start("high"); err != nil {
		t.Fatal(err)
	}
	if got := p.List()[0].State; got != events.CatchingUp {
		t.Errorf("a pipeline with records to let go is %s", got)
	}
	high.Send("d", 11, noon)
	d.Advance(time.Second)
	out := d.Output[string, int64]("high-priority").All()
	if got := values("high-priority"); !slices.Equal(got, []int64{8, 9, 10, 11}) || !out[2].Time().Equal(noon.Add(2*time.Second)) || out[2].Key != "b" {
		t.Errorf("got %v, %s", got, out[2])
	}
	if got := p.List()[0].State; got != events.Running {
		t.Errorf("a pipeline without held records is %s", got)
	}
	if err := p.Stop("low"); !errors.Is(err, events.ErrNoPipeline) {
		t.Errorf("got %v", err)
	}
}

func TestPipelinesNeedNamesOfTheirOwn(t *testing.T) {
	b := topology.New("app")
	p := events.NewPipelines(b)
	p.Define[string, int64]("a", "x").To("out")
	p.Define[string, int64]("a", "y").To("out")
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), `pipeline "a": each needs a name of its own`) {
		t.Errorf("got %v", err)
	}
}
