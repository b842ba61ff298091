package bridge

import (
	"errors"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/redis"
	"github.com/tidemill/tidemill/topology"
)

// AddTo adds the bridge to a topology.
func (c Config) AddTo(b *topology.Builder, client goredis.UniversalClient) error {
	read := map[string]*topology.Stream[string, string]{}
	for _, r := range c.Routes {
		if read[r.Topic] == nil {
			var options []topology.SourceOption
			if r.FromLatest {
				options = append(options, topology.FromLatest())
			}
			read[r.Topic] = b.Stream[string, string](r.Topic, options...)
		}
		way, err := r.way()
		if err != nil {
			return err
		}
		read[r.Topic].Sink(redis.Sink(client, r.Name, way.op, c.sinkOptions(r)...), topology.Named(r.Name))
	}
	return nil
}

func (c Config) sinkOptions(r Route) []redis.Option {
	options := []redis.Option{redis.Batching(connectors.OnLoss(losses[c.OnLoss]), connectors.BatchItems(r.Batch))}
	if r.TTL > 0 {
		options = append(options, redis.TTL(r.TTL))
	}
	if r.Newest {
		options = append(options, redis.Newest())
	}
	if c.Redis.Mode == "cluster" {
		options = append(options, redis.Tagged())
	}
	return options
}

// way is a route that is ready for records.
type way struct {
	to                string
	keep              int
	key, field, value template
	names             []string
	fields            []template
}

func (r Route) way() (way, error) {
	w := way{to: r.To, keep: r.Keep}
	var failed []error
	parse := func(s string) template {
		t, err := parseTemplate(s)
		if err != nil {
			failed = append(failed, err)
		}
		return t.bind(r.Topic)
	}
	w.key, w.field, w.value = parse(r.Key), parse(r.Field), parse(r.Value)
	for _, f := range r.Fields {
		w.names, w.fields = append(w.names, f.Name), append(w.fields, parse(f.Value))
	}
	return w, errors.Join(failed...)
}

// op is what a record does.
func (w *way) op(r bytes) (redis.Op, error) {
	if err := errors.Join(w.key.check(&r), w.field.check(&r)); err != nil {
		return redis.Op{}, err
	}
	key := w.key.of(&r)
	if r.Tombstone {
		return w.remove(key, &r), nil
	}
	switch w.to {
	case "channel":
		return redis.Command("PUBLISH", key, w.value.of(&r)), nil
	case "stream":
		pairs := make([]string, 0, 2*len(w.names))
		for i, f := range w.fields {
			pairs = append(pairs, w.names[i], f.of(&r))
		}
		return redis.Entry(key, w.keep, pairs...), nil
	case "string":
		return redis.Command("SET", key, w.value.of(&r)), nil
	case "hash":
		return redis.HashSet(key, w.field.of(&r), w.value.of(&r)), nil
	case "set":
		return redis.SetAdd(key, w.field.of(&r)), nil
	}
	return redis.Append(key, []byte(w.value.of(&r)), w.keep), nil
}

// remove is what a tombstone does.
func (w *way) remove(key string, r *bytes) redis.Op {
	switch w.to {
	case "string", "list":
		return redis.Delete(key)
	case "hash":
		return redis.HashDelete(key, w.field.of(r))
	case "set":
		return redis.SetRemove(key, w.field.of(r))
	}
	return redis.Op{}
}
