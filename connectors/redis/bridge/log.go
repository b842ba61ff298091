package bridge

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// LogClient has what the client library of Redis says, such as that it lost a connection
// or found a new master, go to a logger instead of the standard error. The library has one
// for the whole process, so that only a main function should call it, and before Run.
func LogClient(logger *slog.Logger) { goredis.SetLogger(clientLog{logger}) }

type clientLog struct{ logger *slog.Logger }

// Printf is what the library calls. It has no levels.
func (l clientLog) Printf(ctx context.Context, format string, args ...any) {
	l.logger.WarnContext(ctx, "the redis client says", "message", fmt.Sprintf(format, args...))
}
