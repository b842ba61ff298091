package sagas_test

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/sagas/sagatest"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts under testdata anew")

var (
	errBusy   = errors.New("busy")
	errNobody = sagas.Business(errors.New("nobody is free"))
)

// scenarios are the lives of one saga, "x", each in a world of its own.
var scenarios = []struct {
	name string
	saga func() []sagas.Defined
	want sagas.Status
	play func(k *sagatest.Kit)
}{
	{"all goes well", example, sagas.Completed, func(k *sagatest.Kit) {
		k.Reply("create-case", caseCreated{"c-1"})
		begin(k)
	}},
	{"a second start changes nothing", example, sagas.Completed, func(k *sagatest.Kit) { begin(k); begin(k) }},
	{"a business error compensates in reverse order", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Reply("create-case", caseCreated{"c-1"})
		k.Fail("notify-team", 1, errNobody)
		begin(k)
	}},
	{"a transient error is tried again", example, sagas.Completed, func(k *sagatest.Kit) {
		k.Fail("assign-analyst", 1, errBusy)
		k.Fail("assign-analyst", 2, errBusy)
		begin(k)
	}},
	{"transient errors come to an end", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("assign-analyst", sagatest.Every, errBusy)
		begin(k)
	}},
	{"a lost reply is asked for again with the same key", example, sagas.Completed, func(k *sagatest.Kit) {
		k.Lose("create-case", 1)
		begin(k)
	}},
	{"a step in doubt is compensated", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Lose("assign-analyst", sagatest.Every)
		begin(k)
	}},
	{"a repeated reply is of no use", example, sagas.Completed, func(k *sagatest.Kit) {
		k.Repeat("create-case", 1)
		begin(k)
	}},
	{"a compensation that fails for good is parked, and retried by hand", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("assign-analyst", 1, errNobody)
		k.FailCompensation("create-case", 1, errBusy)
		k.FailCompensation("create-case", 2, errNobody)
		begin(k)
		k.Expect("x", sagas.Parked)
		k.Send("x", sagas.RetryStep("create-case"))
	}},
	{"a parked compensation is skipped by hand", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("assign-analyst", 1, errNobody)
		k.LoseCompensation("create-case", sagatest.Every)
		begin(k)
		k.Expect("x", sagas.Parked)
		k.Send("x", sagas.SkipStep("create-case"))
	}},
	{"a cancelled saga compensates", example, sagas.Compensated, func(k *sagatest.Kit) {
		k.Lose("notify-team", 1)
		begin(k)
		k.Send("x", sagas.Cancel("a false alarm"))
	}},
	{"a step under way is tried again by hand", example, sagas.Completed, func(k *sagatest.Kit) {
		k.Lose("create-case", 1)
		begin(k)
		k.Send("x", sagas.RetryStep("create-case"))
	}},
	{"parallel branches join", six, sagas.Completed, begin},
	{"a failure waits for the other branch", six, sagas.Compensated, func(k *sagatest.Kit) {
		k.Lose("d", 1)
		k.Fail("b", 1, errNobody)
		begin(k)
	}},
	{"an approval lets the saga go on", order, sagas.Completed, func(k *sagatest.Kit) {
		begin(k)
		k.Signal("x", "approve", "kim")
	}},
	{"an approval that comes early is kept", order, sagas.Completed, func(k *sagatest.Kit) {
		k.Lose("reserve", 1)
		begin(k)
		k.Signal("x", "approve", "kim")
	}},
	{"a rejection compensates", order, sagas.Compensated, func(k *sagatest.Kit) {
		begin(k)
		k.Signal("x", "reject", "too dear")
	}},
	{"no approval compensates", order, sagas.Compensated, begin},
	{"behind the pivot there is no way back", order, sagas.Completed, func(k *sagatest.Kit) {
		k.Fail("ship", sagatest.Every, errBusy)
		begin(k)
		k.Signal("x", "approve", "kim")
		k.Settle("x")
		k.Send("x", sagas.Cancel("too late"))
		k.Expect("x", sagas.Parked)
		k.Send("x", sagas.SkipStep("ship"))
	}},
	{"a pivot in doubt is asked after", order, sagas.Completed, func(k *sagatest.Kit) {
		k.Lose("pay", 1)
		begin(k)
		k.Signal("x", "approve", "kim")
		k.Send("x", sagas.Cancel("while nobody knows"))
	}},
	{"a pivot in doubt for good is parked, and failed by hand", order, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("pay", sagatest.Every, sagas.InDoubt(errBusy))
		begin(k)
		k.Signal("x", "approve", "kim")
		k.Send("x", sagas.Cancel("while nobody knows"))
		k.Advance(30 * time.Second)
		k.Send("x", sagas.FailStep("pay"))
	}},
	{"functions in branches change what is theirs", funcs, sagas.Completed, begin},
	{"a function that panics leaves doubt", funcs, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("assign", sagatest.Every, &sagas.PanicError{Value: "boom"})
		begin(k)
	}},
	{"a condition skips a step", funcs, sagas.Completed, func(k *sagatest.Kit) {
		k.Start("x", investigation{Target: "quiet"})
	}},
	{"a saga within a saga", nested, sagas.Completed, func(k *sagatest.Kit) {
		k.Reply("scan", caseCreated{"s-1"})
		begin(k)
	}},
	{"a saga that fails within a saga", nested, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("scan", 1, errNobody)
		begin(k)
	}},
	{"a saga that has ended is compensated with its parent", nested, sagas.Compensated, func(k *sagatest.Kit) {
		k.Fail("tell", 1, errNobody)
		begin(k)
	}},
	{"a saga is cancelled with its parent when its outcome is there", nested, sagas.Compensated, func(k *sagatest.Kit) {
		k.Lose("scan", 1)
		begin(k)
		k.Send("x", sagas.Cancel("a false alarm"))
	}},
	{"what has ended is forgotten after a day", example, "", func(k *sagatest.Kit) {
		begin(k)
		k.Advance(25 * time.Hour)
	}},
	{"nobody knows the saga", example, "", func(k *sagatest.Kit) { k.Send("x", sagas.Cancel("")) }},
}

func example() []sagas.Defined { return []sagas.Defined{workedExample()} }
func six() []sagas.Defined     { return []sagas.Defined{sixSteps()} }
func order() []sagas.Defined   { return []sagas.Defined{withPivot()} }
func funcs() []sagas.Defined   { return []sagas.Defined{functions(map[string]int{})} }

func nested() []sagas.Defined {
	parent, child := parts()
	return []sagas.Defined{parent, child}
}

func begin(k *sagatest.Kit) { k.Start("x", investigation{Target: "10.0.0.7"}) }

func TestTranscripts(t *testing.T) {
	const path = "testdata/transcripts.txt"
	var all strings.Builder
	for _, s := range scenarios {
		k := sagatest.New(t, s.saga()...)
		s.play(k)
		if s.want != "" {
			k.Expect("x", s.want)
		}
		all.WriteString("##### " + s.name + "\n" + k.Transcript() + string(k.Instance("x").Data) + "\n")
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if all.String() != string(want) {
		t.Errorf("the transcripts are\n%s\nwhich %s is not; -rewrite writes it anew", all.String(), path)
	}
}
