package cli

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cmd/tidemill/demo"
)

// proposed is what a shell would propose for the last of some arguments.
func (s *session) proposed(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	all := append([]string{"__complete", "--brokers", s.brokers}, args...)
	if code := Run(s.t.Context(), all, &out, &errs); code != 0 || strings.Contains(errs.String(), "tidemill:") {
		s.t.Errorf("%v: exit code %d: %s", args, code, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if directive := lines[len(lines)-1]; directive != ":4" { // no files
		s.t.Errorf("%v: the shell is told %s", args, directive)
	}
	return strings.Join(lines[:len(lines)-1], " ")
}

func TestShellsProposeWhatTheClusterHas(t *testing.T) {
	s := startDemo(t)
	s.until("Stable", "lag", demo.Application)
	s.until("target-9 ", "sagas", "list", "--statuses", demo.Statuses, "--status", "parked")
	statuses := []string{"--statuses", demo.Statuses}
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"lag", ""}, "demo"},
		{[]string{"lag", "de"}, "demo"},
		{[]string{"lag", "other"}, ""},
		{[]string{"lag", "demo", ""}, ""},
		{[]string{"topics", "d"}, "demo"},
		{[]string{"reset", "d"}, "demo"},
		{[]string{"reset", "demo", "--input", "threats.b"}, "threats.by-type"},
		{[]string{"dlq", "list", ""}, "demo"},
		{[]string{"dlq", "list", "demo", "threats"}, "threats threats.by-type threats.dead"},
		{[]string{"dlq", "show", "demo", "threats.d"}, "threats.dead"},
		{[]string{"dlq", "show", "demo", "threats.dead", ""}, ""},
		{[]string{"dlq", "redrive", "demo", "demo-counts"}, ""}, // no internal ones
		{[]string{"sagas", "list", "--statuses", "investigations.s"}, "investigations.statuses"},
		{[]string{"sagas", "show", "target-9"}, ""}, // of which orchestrator?
		{append(append([]string{"sagas", "show"}, statuses...), "host-0"), "host-0"},
		{append(append([]string{"sagas", "retry"}, statuses...), "target-9", ""), "open-case block-target"},
		{append(append([]string{"sagas", "skip"}, statuses...), "target-9", "bl"), "block-target"},
		{append(append([]string{"sagas", "skip"}, statuses...), "nobody", ""), ""},
		{[]string{"sagas", "flows", "--positions", "investigations.a"}, "investigations.audit"},
		{[]string{"describe", "--format", ""}, "text mermaid svg json"},
	} {
		if got := s.proposed(row.args...); got != row.want {
			t.Errorf("%v: proposed %q, want %q", row.args, got, row.want)
		}
	}
}

func TestAShellDoesNotWaitForAClusterThatIsNotThere(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	t.Setenv("KAFKA_BROKERS", "")
	began := time.Now()
	for _, brokers := range []string{silent.Addr().String(), ""} {
		s := &session{t, brokers}
		if got := s.proposed("lag", ""); got != "" {
			t.Errorf("%q: proposed %q", brokers, got)
		}
	}
	if took := time.Since(began); took > 25*time.Second { // --timeout would be 30 s
		t.Errorf("it took %v", took)
	}
}
