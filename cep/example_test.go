package cep_test

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// Three failed logins or more and then a success within ten minutes look as if somebody
// had guessed a password.
func Example() {
	is := func(result string) func(string) bool {
		return func(event string) bool { return event == result }
	}
	guessed := cep.Begin[string]("failures").Where(is("failed")).AtLeast(3).Consecutive().Greedy().
		Next("success").Where(is("ok")).
		Within(10 * time.Minute).
		SkipPastLastEvent()

	b := topology.New("logins")
	cep.Detect(b.Stream[string, string]("logins"), guessed).
		MapValues(func(m cep.Match[string]) string {
			return fmt.Sprintf("%d failures in %v", len(m.All("failures")), m.End.Sub(m.Start))
		}).
		To("alerts")

	d, err := topologytest.Open(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	logins := d.Input[string, string]("logins").Clock(0, time.Minute)
	for _, event := range []string{"failed", "ok", "failed", "failed", "failed", "failed", "ok"} {
		logins.Next("ann", event)
	}
	for _, alert := range d.Output[string, string]("alerts").All() {
		fmt.Println(alert.Key, alert.Value)
	}
	// Output: ann 4 failures in 4m0s
}
