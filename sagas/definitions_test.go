package sagas_test

import (
	"context"
	"errors"
	"time"

	"github.com/tidemill/tidemill/sagas"
)

// investigation is the data of the worked example.
type investigation struct {
	Target  string `json:"target"`
	Case    string `json:"case,omitzero"`
	Analyst string `json:"analyst,omitzero"`
	Told    bool   `json:"told,omitzero"`
}

type caseCommand struct {
	Target string `json:"target,omitzero"`
	Case   string `json:"case,omitzero"`
}

type caseCreated struct {
	ID string `json:"id"`
}

// quick has few attempts, for short transcripts and few interleavings.
func quick(attempts int) sagas.Retry {
	return sagas.Retry{First: time.Second, Max: 4 * time.Second, Attempts: attempts}
}

func target(d investigation) caseCommand { return caseCommand{Target: d.Target} }
func ofCase(d investigation) caseCommand { return caseCommand{Case: d.Case} }

// workedExample is create-case, assign-analyst, notify-team.
func workedExample() *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("investigation-workflow").Deadline(time.Hour)
	s.Step("create-case", sagas.Send("cases", "create", target).
		Reply(func(d *investigation, r caseCreated) { d.Case = r.ID })).
		Compensate(sagas.Send("cases", "delete", ofCase)).
		Retry(quick(3)).RetryCompensation(quick(3)).Timeout(10 * time.Second)
	s.Step("assign-analyst", sagas.Send("analysts", "assign", ofCase)).
		Compensate(sagas.Send("analysts", "unassign", ofCase)).
		Retry(quick(3)).RetryCompensation(quick(3)).Timeout(10 * time.Second)
	s.Step("notify-team", sagas.Send("mails", "notify", ofCase)).
		Retry(quick(3)).Timeout(10 * time.Second)
	return s
}

// sixSteps has two parallel branches.
func sixSteps() *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("six-steps")
	step := func(to *sagas.Sequence[investigation], name string) {
		to.Step(name, sagas.Send(name+"s", "do", target)).Compensate(sagas.Send(name+"s", "undo", target)).
			Retry(quick(2)).RetryCompensation(quick(2)).Timeout(10 * time.Second)
	}
	step(&s.Sequence, "a")
	s.Parallel("fork", func(left *sagas.Sequence[investigation]) {
		step(left, "b")
		step(left, "c")
	}, func(right *sagas.Sequence[investigation]) {
		step(right, "d")
		step(right, "e")
	})
	step(&s.Sequence, "f")
	return s
}

// withPivot reserves, waits for an approval, pays and ships; there is no way back
// behind the payment.
func withPivot() *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("order").Deadline(time.Hour)
	s.Step("reserve", sagas.Send("stock", "reserve", target)).
		Compensate(sagas.Send("stock", "release", target)).
		Retry(quick(2)).RetryCompensation(quick(2)).Timeout(10 * time.Second)
	s.Await("approval").
		On("approve", func(d *investigation, who string) error { d.Analyst = who; return nil }).
		On("reject", func(_ *investigation, why string) error { return errors.New(why) }).
		Within(time.Minute)
	s.Step("pay", sagas.Send("payments", "pay", target)).Pivot().Ask().
		Retry(quick(3)).Timeout(10 * time.Second)
	s.Step("ship", sagas.Send("parcels", "ship", target)).Retry(quick(2)).Timeout(10 * time.Second)
	return s
}

// functions has Go functions in two branches, and a condition.
func functions(calls map[string]int) *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("functions")
	do := func(f func(*investigation) error) sagas.Action[investigation] {
		return sagas.Do(func(ctx context.Context, d *investigation) error {
			calls[sagas.Key(ctx)]++
			return f(d)
		})
	}
	undo := do(func(*investigation) error { return nil })
	s.Parallel("both",
		func(left *sagas.Sequence[investigation]) {
			left.Step("open", do(func(d *investigation) error { d.Case = "c-1"; return nil })).Compensate(undo).Retry(quick(3))
		},
		func(right *sagas.Sequence[investigation]) {
			right.Step("assign", do(func(d *investigation) error { d.Analyst = "kim"; return nil })).Compensate(undo).Retry(quick(3))
		})
	s.Step("tell", do(func(d *investigation) error { d.Told = true; return nil })).
		When(func(d investigation) bool { return d.Target != "quiet" })
	return s
}

// parts is a saga that has another one as its second step, and a step behind it.
func parts() (parent *sagas.Saga[investigation], child *sagas.Saga[caseCommand]) {
	child = sagas.Define[caseCommand]("child")
	child.Step("scan", sagas.Send("scans", "scan", func(d caseCommand) string { return d.Target }).
		Reply(func(d *caseCommand, r caseCreated) { d.Case = r.ID })).
		Compensate(sagas.Send("scans", "forget", func(d caseCommand) string { return d.Target })).Retry(quick(2))
	parent = sagas.Define[investigation]("parent")
	parent.Step("open", sagas.Send("cases", "create", target)).Compensate(sagas.Send("cases", "delete", ofCase))
	parent.Step("scans", sagas.Sub(child, target).Reply(func(d *investigation, c caseCommand) { d.Case = c.Case }))
	parent.Step("tell", sagas.Send("mails", "notify", ofCase)).Retry(quick(2))
	return parent, child
}
