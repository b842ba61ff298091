package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/cmd/tidemill/demo"
	"github.com/tidemill/tidemill/sagas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// session runs commands on the demo's broker.
type session struct {
	t       *testing.T
	brokers string
}

// startDemo runs the demo for a test.
func startDemo(t *testing.T) *session {
	t.Helper()
	return startDemoWith(t, demo.Options{Rate: 500})
}

func startDemoWith(t *testing.T, o demo.Options) *session {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan []string, 1), make(chan error, 1)
	go func() {
		o.Started = func(addrs []string) { started <- addrs }
		ended <- demo.Run(ctx, o, io.Discard)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case addrs := <-started:
		return &session{t, strings.Join(addrs, ",")}
	case err := <-ended:
		ended <- err
		t.Fatal("the demo has ended")
		return nil
	}
}

// run runs a command, and returns its output, its error and its exit code.
func (s *session) run(args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = Run(s.t.Context(), append(args, "--brokers", s.brokers), &o, &e)
	return o.String(), e.String(), code
}

// good runs a command that must succeed.
func (s *session) good(args ...string) string {
	s.t.Helper()
	out, errs, code := s.run(args...)
	if code != 0 || errs != "" {
		s.t.Fatalf("%v: exit code %d: %s", args, code, errs)
	}
	return out
}

// until repeats a command until its output has something in it.
func (s *session) until(want string, args ...string) string {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, errs, _ := s.run(args...)
		if strings.Contains(out, want) {
			return out
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%v: no %q in %s%s", args, want, out, errs)
		}
	}
}

// scripted runs a command with --json, and decodes what it writes.
func (s *session) scripted(v any, args ...string) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.good(append(args, "--json")...)), v); err != nil {
		s.t.Fatal(err)
	}
}

func has(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestAnApplicationIsLookedAt(t *testing.T) {
	s := startDemo(t)
	s.until("Stable", "lag", demo.Application)
	has(t, s.until("threats ", "lag", demo.Application), "application demo, state Stable, members 1", "TOPIC", "PARTITION", "LAG")
	var lag struct {
		Members    int
		Partitions []struct{ Topic string }
	}
	if s.scripted(&lag, "lag", demo.Application); lag.Members != 1 || len(lag.Partitions) == 0 {
		t.Errorf("the lag is %+v", lag)
	}
	has(t, s.good("topics", demo.Application), "demo-counts-changelog", "repartition", "ON DISK")
	if _, errs, code := s.run("reset", demo.Application, "--execute"); code == 0 || !strings.Contains(errs, "stop its workers first") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

func TestLettersAreListedShownAndSentBack(t *testing.T) {
	s := startDemo(t)
	s.until("there are more", "dlq", "list", demo.Application, demo.DeadLetters, "--limit", "2")
	has(t, s.until("0/0", "dlq", "list", demo.Application, demo.DeadLetters), "LETTER", "SOURCE", "a threat of no type")
	has(t, s.good("dlq", "show", demo.Application, demo.DeadLetters, "0/0"), "source", "threats/", "*task.PanicError", `\"type\":\"\"`)
	has(t, s.good("dlq", "redrive", demo.Application, demo.DeadLetters, "0/0"), "1 letters were sent back")
	var list struct {
		Letters []struct {
			Offset    int
			DealtWith bool
			Value     string
			Trace     string
		}
		More bool
	}
	s.scripted(&list, "dlq", "list", demo.Application, demo.DeadLetters, "--limit", "1")
	if len(list.Letters) != 1 || !list.Letters[0].DealtWith || !list.More || !strings.Contains(list.Letters[0].Trace, "goroutine") {
		t.Errorf("the list is %+v", list)
	}
	if s.scripted(&list, "dlq", "list", demo.Application, demo.DeadLetters, "--limit", "1", "--pending"); list.Letters[0].DealtWith {
		t.Errorf("the list is %+v", list)
	}
	if _, errs, code := s.run("dlq", "redrive", demo.Application, demo.DeadLetters, "0/0"); code != 1 || !strings.Contains(errs, "has been dealt with") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	has(t, s.good("dlq", "redrive", demo.Application, demo.DeadLetters, "--all"), "letters were sent back")
}

func TestSagasAreListedShownAndSettled(t *testing.T) {
	s := startDemo(t)
	statuses := []string{"--statuses", demo.Statuses}
	with := func(args ...string) []string { return append(append([]string{"sagas"}, args...), statuses...) }
	has(t, s.until("target-9 ", with("list", "--status", "parked")...), "SAGA", "block-target", "the firewall does not know 10.0.0.9")
	has(t, s.good(with("list", "--older", "1h")...), "SAGA")
	if out := s.good(with("list", "--definition", "nothing")...); strings.Contains(out, "target") {
		t.Errorf("of no definition there are\n%s", out)
	}
	has(t, s.good(with("show", "target-9", "--audit", demo.Audit)...), "is parked", `"target":"10.0.0.9"`, "open-case", "running -> done")
	var shown struct {
		Saga struct{ Status string }
		Data struct{ Target string }
	}
	if s.scripted(&shown, with("show", "target-9")...); shown.Saga.Status != "parked" || shown.Data.Target != "10.0.0.9" {
		t.Errorf("shown is %+v", shown)
	}
	for _, bad := range []struct{ args, want string }{
		{"cancel target-9 --inbox " + demo.Sagas, "its pivot is done"},
		{"skip target-9 open-case --inbox " + demo.Sagas, "step open-case is done"},
		{"skip nobody x --inbox " + demo.Sagas, "there is no such saga"},
		{"skip target-9 block-target", "--inbox"},
	} {
		if _, errs, code := s.run(with(strings.Fields(bad.args)...)...); code != 1 || !strings.Contains(errs, bad.want) {
			t.Errorf("%s: exit code %d: %s", bad.args, code, errs)
		}
	}
	has(t, s.good(with("retry", "target-9", "block-target", "--inbox", demo.Sagas)...), "asked for")
	s.until("0/", "dlq", "list", demo.Application, demo.ByType)
	if _, errs, code := s.run("sagas", "flows", "--positions", demo.ByType); code != 1 || !strings.Contains(errs, "console: flow ") {
		t.Errorf("of no positions: exit code %d: %s", code, errs)
	}
	s.until(`"attempts": 2`, "sagas", "show", "target-9", "--statuses", demo.Statuses, "--json")
}

func TestBadInputIsToldInOneLine(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	for _, bad := range []struct{ args, want string }{
		{"dance", `unknown command "dance"`},
		{"lag", "accepts 1 arg(s)"},
		{"lag demo", "name its brokers with --brokers"},
		{"lag demo --brokers 127.0.0.1:1 --timeout 300ms", "no broker answers at 127.0.0.1:1"},
		{"lag demo --brokers 127.0.0.1:1 --timeout 0s", "--timeout is 0s"},
		{"reset demo --to yesterday --brokers 127.0.0.1:1", `no position "yesterday"`},
		{"reset demo --no-such-flag", "unknown flag"},
		{"dlq show a dead 7 --brokers 127.0.0.1:1", "such as 0/12"},
		{"dlq list dead", "accepts 2 arg(s)"},
		{"dlq list a dead --limit 0", "--limit is 0"},
		{"dlq redrive a dead", "give some as partition/offset, or --all"},
		{"dlq redrive a dead 0/1 --all", "not both"},
		{"dlq redrive a dead 0/x", "such as 0/12"},
		{"sagas list", "--statuses"},
		{"sagas list --status gone --statuses s", `--status "gone"`},
		{"sagas flows", "--positions"},
		{"sagas flows --positions p --status gone", `--status "gone"`},
		{"sagas list --older -1h --statuses s", "give more than 0"},
		{"demo --rate 0", "--rate from 1"},
		{"lag demo --brokers b:1 --ca x", "need --tls"},
		{"lag demo --brokers b:1 --tls --ca /nothing", "--ca: "},
		{"lag demo --brokers b:1 --sasl plain", "a password in TIDEMILL_PASSWORD"},
	} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), strings.Fields(bad.args), &out, &errs)
		if code != 1 || !strings.Contains(errs.String(), bad.want) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit code %d: %s%s", bad.args, code, errs.String(), out.String())
		}
	}
}

func TestAPasswordIsInNoError(t *testing.T) {
	t.Setenv("TIDEMILL_PASSWORD", "very-secret")
	var out, errs bytes.Buffer
	Run(t.Context(), strings.Fields("lag demo --brokers 127.0.0.1:1 --timeout 300ms --sasl scram-sha-256 --user kim"), &out, &errs)
	if all := out.String() + errs.String(); strings.Contains(all, "very-secret") || !strings.Contains(all, "no broker answers") {
		t.Errorf("the output is %s", all)
	}
}

func TestStuckFlowsAreShownWithWhatTheyWaitFor(t *testing.T) {
	flow := sagas.Position{
		Choreography: "cases", Flow: "case-1", Status: sagas.Stuck, Seen: []sagas.Sighting{{Event: "opened", At: 1}},
		Waiting: []sagas.Awaited{{Service: "triage", Event: "opened"}, {Service: "mail", Event: "opened"}},
	}
	var out bytes.Buffer
	if err := (&cli{out: &out}).printFlows([]sagas.Position{flow}); err != nil {
		t.Fatal(err)
	}
	has(t, out.String(), "FLOW", "case-1", "cases", "stuck", "triage on opened, mail on opened")
	out.Reset()
	if err := (&cli{out: &out, json: true}).printFlows(nil); err != nil || !strings.Contains(out.String(), `"flows": []`) {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestShellsAreHelped(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out, errs bytes.Buffer
		if code := Run(t.Context(), []string{"completion", shell}, &out, &errs); code != 0 || !strings.Contains(out.String(), "tidemill") {
			t.Errorf("%s: exit code %d: %s", shell, code, errs.String())
		}
	}
}
