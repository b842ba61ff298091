package beyond_test

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// texts are the records of a topic, with their times in milliseconds.
func texts(d *topologytest.Driver, topic string) string {
	var out []string
	for _, r := range d.Output[string, string](topic).All() {
		out = append(out, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Timestamp))
	}
	return strings.Join(out, " ")
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}
