package raw

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pipelined is how many commands the loop sends to Redis at once.
const pipelined = 1000

// BridgeStream appends every record to a stream in Redis, BridgeList to a list. Both are
// named as the output is.
func BridgeStream(ctx context.Context, c Config) error {
	return bridge(ctx, c, func(p redis.Pipeliner, r *kgo.Record) {
		p.Do(ctx, "XADD", c.Output, "*", "key", r.Key, "value", r.Value)
	})
}

// BridgeList is described at BridgeStream.
func BridgeList(ctx context.Context, c Config) error {
	return bridge(ctx, c, func(p redis.Pipeliner, r *kgo.Record) { p.Do(ctx, "RPUSH", c.Output, r.Value) })
}

func bridge(ctx context.Context, c Config, put func(redis.Pipeliner, *kgo.Record)) error {
	client := redis.NewClient(&redis.Options{Addr: c.Redis})
	w := &piped{ctx: ctx, put: put, pipe: client.Pipeline()}
	err := (&loop{Config: c, work: w}).run(ctx)
	if ctx.Err() != nil && isContext(w.failed) {
		w.failed = nil
	}
	return errors.Join(err, w.failed, client.Close())
}

// piped is work that goes through a pipeline.
type piped struct {
	ctx    context.Context
	put    func(redis.Pipeliner, *kgo.Record)
	pipe   redis.Pipeliner
	failed error
}

func (w *piped) record(r *kgo.Record, _ *producer) error {
	if w.put(w.pipe, r); w.pipe.Len() >= pipelined {
		w.exec()
	}
	return w.failed
}

func (w *piped) commit(*producer, bool) { w.exec() }

func (w *piped) exec() {
	if _, err := w.pipe.Exec(w.ctx); err != nil {
		w.failed = errors.Join(w.failed, err)
	}
}
