package raw

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// producer writes records and remembers the first failure. Its records are
// allocated many at a time.
type producer struct {
	client *kgo.Client
	ctx    context.Context
	slab   []kgo.Record
	failed atomic.Pointer[error]
}

// slabRecords is how many records are allocated at a time.
const slabRecords = 256

// produce writes a record. Its key and value must not be changed any more.
func (p *producer) produce(topic string, key, value []byte, at time.Time) {
	if len(p.slab) == 0 {
		p.slab = make([]kgo.Record, slabRecords)
	}
	r := &p.slab[0]
	p.slab = p.slab[1:]
	r.Topic, r.Key, r.Value, r.Timestamp = topic, key, value, at
	p.client.Produce(p.ctx, r, p.acknowledged)
}

func (p *producer) acknowledged(_ *kgo.Record, err error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &err)
	}
}

func (p *producer) err() error {
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}
