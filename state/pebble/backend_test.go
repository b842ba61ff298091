package pebble_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/pebble"
	"github.com/tidemill/tidemill/state/statetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func opener(opts ...pebble.Option) func(t *testing.T, dir string) state.Backend {
	return func(t *testing.T, dir string) state.Backend {
		t.Helper()
		b, err := pebble.Open(dir, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestBackendKeepsTheContract(t *testing.T) {
	statetest.Run(t, opener())
}

func TestBackendWithTheSmallestBuffersKeepsTheContract(t *testing.T) {
	statetest.Run(t, opener(pebble.CacheSize(0), pebble.WriteBufferSize(256<<10), pebble.MaxOpenFiles(64)))
}

func TestBackendSurvives(t *testing.T) {
	statetest.RunDurable(t, opener(pebble.WriteBufferSize(256<<10)))
}

func TestCloseEndsAllGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	b := opener()(t, t.TempDir())
	fillBackend(t, b, 50_000)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

func TestLoggerReceivesTheDatabasesLog(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b := opener(pebble.Logger(logger))(t, t.TempDir())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=DEBUG msg=\"state/pebble: ") {
		t.Errorf("log is %q; want lines of state/pebble for debugging", log.String())
	}
	if strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "level=INFO") {
		t.Errorf("log is %q; want nothing above debugging", log.String())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		option pebble.Option
		want   string
	}{
		"a cache of less than nothing": {pebble.CacheSize(-1), "CacheSize"},
		"a write buffer too small":     {pebble.WriteBufferSize(1000), "WriteBufferSize"},
		"a write buffer too large":     {pebble.WriteBufferSize(4 << 30), "WriteBufferSize"},
		"too few files":                {pebble.MaxOpenFiles(1), "MaxOpenFiles"},
		"no logger":                    {pebble.Logger(nil), "Logger"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := pebble.Open(t.TempDir(), test.option)
			if err == nil {
				_ = b.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: error %v; want one about %s", err, test.want)
			}
		})
	}
}

func quiet() pebble.Option { return pebble.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))) }
