package topologytest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func alerts() *topology.Builder {
	b := topology.New("alerts")
	b.Stream[string, string]("logins").
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute).Grace(10 * time.Second)).
		EmitFinal().
		Count().
		ToStream().
		Filter(func(_ window.Key[string], n int64) bool { return n > 2 }).
		Map(func(w window.Key[string], n int64) (string, int64) { return w.Key, n }).
		To("alerts")
	return b
}

func TestThreeLoginsInAMinuteAreAnAlert(t *testing.T) {
	d := topologytest.New(t, alerts(), topologytest.ExactlyOnce())
	logins := d.Input[string, string]("logins")
	logins.Send("eve", "failed", 1*time.Second)
	logins.Send("bob", "failed", 2*time.Second)
	logins.Send("eve", "failed", 61*time.Second)
	d.Crash() // no login may be lost or count twice
	logins.Send("eve", "failed", 30*time.Second)
	logins.Send("eve", "failed", 59*time.Second)
	logins.Send("bob", "failed", 70*time.Second) // the first minute and its grace are over

	alerts := d.Output[string, int64]("alerts").ReadAll()
	if len(alerts) != 1 || alerts[0].Key != "eve" || alerts[0].Value != 3 {
		t.Errorf("got the alerts %v", alerts)
	}
}

func ExampleOpen() {
	b := topology.New("shop")
	b.Stream[string, int64]("sales").
		GroupByKey().
		Reduce(func(sum, n int64) int64 { return sum + n }, topology.StoreName("totals")).
		ToStream().
		To("totals")

	d, err := topologytest.Open(b, topologytest.Partitions(4))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	sales := d.Input[string, int64]("sales")
	sales.Send("pear", 3, time.Second)
	sales.Send("plum", 5, 2*time.Second)
	sales.Send("pear", 4, 3*time.Second)

	fmt.Println(d.Output[string, int64]("totals").All())
	fmt.Println(d.KeyValue[string, int64]("totals").Get("pear"))
	// Output:
	// [pear=3@1000 plum=5@2000 pear=7@3000]
	// 7 true
}
