package cli

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cmd/tidemill/demo"
	"github.com/tidemill/tidemill/health"
)

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// ask runs a command against an admin address.
func ask(t *testing.T, addr string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), append(args, "--admin", addr), &o, &e)
	return o.String(), e.String(), code
}

func TestAWorkerIsAskedByItsAdminAddress(t *testing.T) {
	addr := freeAddr(t)
	startDemoWith(t, demo.Options{Rate: 500, Admin: addr})
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, _, code := ask(t, addr, "query", "counts")
		if code == 0 && strings.Contains(out, "port-scan") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no rows: %s", out)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"describe"}, "Sub-topology: 0"},
		{[]string{"describe", "--format", "mermaid"}, "flowchart"},
		{[]string{"describe", "--format", "svg"}, "</svg>"},
		{[]string{"describe", "--format", "json"}, `"subtopologies"`},
		{[]string{"stores"}, "counts"},
		{[]string{"query", "counts", "--key", "phishing", "--json"}, `"key": "phishing"`},
	} {
		if out, errs, code := ask(t, addr, c.args...); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit code %d, %s%s, want %q", c.args, code, out, errs, c.want)
		}
	}
	out, _, _ := ask(t, addr, "health", "--json")
	var v health.Report
	if err := json.Unmarshal([]byte(out), &v); err != nil || !v.Alive {
		t.Errorf("the health is %s, %v", out, err)
	}
	for want, args := range map[string][]string{
		`store "nothing"`: {"query", "nothing"},
		"limit":           {"query", "counts", "--limit", "0"},
		"--format":        {"describe", "--format", "png"},
	} {
		if out, errs, code := ask(t, addr, args...); code != 1 || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit code %d, %s%s, want a line with %q", args, code, out, errs, want)
		}
	}
}

func TestAnAddressWithoutAWorkerIsTold(t *testing.T) {
	t.Setenv(tokenVariable, "")
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer closed.Close()
	for want, addr := range map[string]string{
		"no worker answers":                  freeAddr(t),
		"does not answer like a worker":      other.URL,
		"wants its token":                    closed.URL,
		"give host:port":                     "ftp://x",
		`--admin is "": give host:port, or `: "",
	} {
		if out, errs, code := ask(t, addr, "stores"); code != 1 || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: exit code %d, %s%s, want a line with %q", addr, code, out, errs, want)
		}
	}
}

func TestTheTokenIsSentAndNeverShown(t *testing.T) {
	t.Setenv(tokenVariable, "a secret of many letters")
	var given string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given = r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error":"no"}`))
	}))
	defer server.Close()
	out, errs, code := ask(t, server.URL, "describe")
	if code != 1 || given != "Bearer a secret of many letters" || strings.Contains(out+errs, "secret") {
		t.Errorf("exit code %d, header %q, output %s%s", code, given, out, errs)
	}
}
