package topologytest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

var errBroken = errors.New("broken")

// fragile fails for values that begin with "bad", as long as *broken.
func fragile(broken *bool) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string]("in").
		MapValues(func(v string) string {
			if *broken && strings.HasPrefix(v, "bad") {
				panic(errBroken)
			}
			return v
		}, topology.Named("fragile")).
		To("out")
	return b
}

func TestAPolicyLeavesARecordBehind(t *testing.T) {
	broken := true
	d := topologytest.New(t, fragile(&broken), topologytest.OnProcessError(tidemill.DeadLetter("dead")))
	in := d.Input[string, string]("in")
	in.Send("a", "good", 1)
	in.Send("b", "bad", 2)
	in.Send("c", "good", 3)
	if got := fmt.Sprint(d.Output[string, string]("out").All()); got != "[a=good@1 c=good@3]" {
		t.Errorf("out has %s", got)
	}
	dead := d.Output[string, string]("dead").All()
	if fmt.Sprint(dead) != "[b=bad@2]" || dead[0].Step != 1 {
		t.Errorf("the dead-letter topic has %v", dead)
	}
	if message, _ := dead[0].Headers.Get("__streams.errors.message"); !strings.Contains(string(message), "broken") {
		t.Errorf("its message is %q", message)
	}
	reports := d.Reports()
	if len(reports) != 1 || reports[0].Policy != "dead letter" || reports[0].Step != 1 || reports[0].Err.Node != "fragile" || !errors.Is(reports[0].Err, errBroken) {
		t.Errorf("the reports are %+v", reports)
	}
}

func TestARecordIsTriedAgainWhenTheClockSaysSo(t *testing.T) {
	broken := true
	d := topologytest.New(t, fragile(&broken), topologytest.OnError(tidemill.Retry(3, time.Second, tidemill.Skip())))
	in, out := d.Input[string, string]("in"), d.Output[string, string]("out")
	in.Send("a", "bad", 1)
	in.Send("b", "good", 2)
	d.Advance(time.Second)
	broken = false
	d.Advance(1999 * time.Millisecond)
	if out.Len() != 0 || len(d.Reports()) != 2 {
		t.Errorf("before the last attempt: %v, %v", out.All(), d.Reports())
	}
	d.Advance(time.Millisecond)
	if got := fmt.Sprint(out.All()); got != "[a=bad@1 b=good@2]" {
		t.Errorf("after it: %s", got)
	}
}

func TestAFailureEndsTheDriverUntilItStartsAgain(t *testing.T) {
	broken := true
	d, err := topologytest.Open(fragile(&broken))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	in, out := d.Input[string, string]("in"), d.Output[string, string]("out")
	in.Send("a", "good", 1)
	in.Send("b", "bad", 2)
	in.Send("c", "good", 3)
	d.Advance(time.Second)
	var failed *record.Error
	if !errors.As(d.Err(), &failed) || failed.Offset != 1 || failed.Stage != record.Process || !errors.Is(failed, errBroken) {
		t.Errorf("the error is %v", d.Err())
	}
	if got := fmt.Sprint(out.All()); got != "[a=good@1]" {
		t.Errorf("after the failure: %s", got)
	}
	d.Crash()
	if d.Err() == nil {
		t.Error("the record did not fail again")
	}
	broken = false
	d.Crash()
	if got := fmt.Sprint(out.All()); d.Err() != nil || got != "[a=good@1 b=bad@2 c=good@3]" {
		t.Errorf("after the repair: %s, %v", got, d.Err())
	}
}

func TestBytesThatCannotBeReadAreForTheDecodePolicy(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, int64]("in").To("out")
	d := topologytest.New(t, b, topologytest.OnDecodeError(tidemill.Skip()))
	d.Input[string, []byte]("in").Send("a", []byte("no number"), 1)
	d.Input[string, int64]("in").Send("a", 7, -1)
	d.Input[string, int64]("in").Send("a", 7, 1)
	if got := fmt.Sprint(d.Output[string, int64]("out").All(), len(d.Reports())); got != "[a=7@1] 2" {
		t.Errorf("got %s reports", got)
	}
}

func TestDroppedRecordsAreCounted(t *testing.T) {
	d := topologytest.New(t, minutes())
	in := d.Input[string, string]("text-lines")
	in.Send("", "a", time.Hour)
	in.Send("", "b c", 0)
	d.Crash()
	in.Send("", "d", 0)
	if got := d.Dropped(); got["late"] != 3 {
		t.Errorf("dropped %v, want 3 late ones", got)
	}
}

func TestAResultThatCannotBeEncodedIsForTheProducePolicy(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").To("out", topology.Partitioner(func(string, record.Record[string, string], int32) int32 { return 9 }))
	d := topologytest.New(t, b, topologytest.OnProduceError(tidemill.Skip()))
	d.Input[string, string]("in").Send("a", "x", 1)
	if n := len(d.Reports()); n != 1 || d.Output[string, string]("out").Len() != 0 {
		t.Errorf("%d reports, want 1", n)
	}
}
