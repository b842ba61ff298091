package demo

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
)

// Application is the id of the demo.
const Application = "demo"

// The topics of the demo.
const (
	Threats     = "threats"
	ByType      = "threats.by-type"
	DeadLetters = "threats.dead"
	Sagas       = "investigations"
	Statuses    = "investigations.statuses"
	Audit       = "investigations.audit"
	commands    = "investigations.commands"
)

// topics are all that have to exist.
func topics() []string {
	return []string{Threats, ByType, DeadLetters, Sagas, Statuses, Audit, commands}
}

// threat is an event. One without a type cannot be counted.
type threat struct {
	Type   string `json:"type"`
	Source string `json:"source"`
}

// investigation is the data of a saga.
type investigation struct {
	Target string `json:"target"`
	Case   string `json:"case,omitzero"`
}

// isolation is the data of a saga that takes a host off the network.
type isolation struct {
	Host string `json:"host"`
	By   string `json:"by,omitzero"`
}

// build counts threats by their type, investigates, and takes hosts off the network.
func build() (*topology.Builder, error) {
	b := topology.New(Application)
	b.Stream[string, threat](Threats).
		GroupBy(typeOf, topology.Named("by-type")).
		Count(topology.StoreName("counts")).
		ToStream().
		To(ByType)
	return b, errors.Join(
		sagas.Orchestrator{
			Name: Sagas, Inbox: Sagas, Statuses: Statuses, Audit: Audit, Sagas: []sagas.Defined{workflow(), quarantine()},
		}.AddTo(b),
		services().AddTo(b),
	)
}

func typeOf(_ string, t threat) string {
	if t.Type == "" {
		panic("a threat of no type from " + t.Source)
	}
	return t.Type
}

// workflow opens a case and blocks the target. There is no way back behind the
// opening, so that a target that cannot be blocked leaves the saga parked.
func workflow() *sagas.Saga[investigation] {
	same := func(i investigation) investigation { return i }
	s := sagas.Define[investigation]("investigation")
	s.Step("open-case", sagas.Send(commands, "open", same).Reply(func(i *investigation, id string) { i.Case = id })).Pivot()
	s.Step("block-target", sagas.Send(commands, "block", same)).Retry(sagas.Once())
	return s
}

// quarantine takes a host off the network, has that approved and wipes the host. A
// refusal, a cancellation or a day without an answer puts it back.
func quarantine() *sagas.Saga[isolation] {
	same := func(i isolation) isolation { return i }
	s := sagas.Define[isolation]("quarantine").Deadline(48 * time.Hour)
	s.Step("isolate", sagas.Send(commands, "isolate", same)).
		Compensate(sagas.Send(commands, "release", same))
	s.Await("approval").
		On("approve", func(i *isolation, by string) error { i.By = by; return nil }).
		On("reject", func(_ *isolation, by string) error { return errors.New("rejected by " + by) }).
		Within(24 * time.Hour)
	s.Step("wipe", sagas.Send(commands, "wipe", same)).Pivot()
	return s
}

// services do the commands. Targets that end in .9 are refused, and no host is isolated
// at the first attempt.
func services() sagas.Participant {
	return sagas.Participant{
		Name: "services", Topic: commands, Inboxes: []string{Sagas},
		Handlers: []sagas.Handler{
			sagas.Handle("open", func(j *sagas.Job, _ investigation) (string, error) { return "case-of-" + j.Saga, nil }),
			sagas.Handle("isolate", func(j *sagas.Job, i isolation) (bool, error) {
				if j.Attempt == 1 {
					return false, fmt.Errorf("the switch of %s does not answer", i.Host)
				}
				return true, nil
			}),
			sagas.Handle("release", func(*sagas.Job, isolation) (bool, error) { return true, nil }),
			sagas.Handle("wipe", func(*sagas.Job, isolation) (bool, error) { return true, nil }),
			sagas.Handle("block", func(_ *sagas.Job, i investigation) (bool, error) {
				if strings.HasSuffix(i.Target, ".9") {
					return false, fmt.Errorf("the firewall does not know %s", i.Target)
				}
				return true, nil
			}),
		},
	}
}
