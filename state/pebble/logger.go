package pebble

import (
	"context"
	"fmt"
	"log/slog"
)

// logger writes Pebble's log to a slog.Logger.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any) {
	l.logf(slog.LevelDebug, format, args)
}

func (l logger) Errorf(format string, args ...any) {
	l.logf(slog.LevelWarn, format, args)
}

// Fatalf must not return: Pebble calls it when it no longer knows what is on
// disk, above all after a failed write of its MANIFEST. The process ends; what is
// on disk is still a prefix of the batches. Open recovers the panic.
func (l logger) Fatalf(format string, args ...any) {
	l.logf(slog.LevelError, format, args)
	panic(fatal{fmt.Errorf(format, args...)})
}

func (l logger) logf(level slog.Level, format string, args []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "state/pebble: "+fmt.Sprintf(format, args...))
	}
}

// fatal is what Fatalf panics with.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }
