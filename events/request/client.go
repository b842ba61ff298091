package request

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/events"
)

// Option is an option of Open.
type Option interface{ apply(*config) }

type config struct {
	kafka  []kgo.Opt
	logger *slog.Logger
}

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Brokers are the addresses to find the cluster by, as host:port.
func Brokers(addrs ...string) Option { return ClientOptions(kgo.SeedBrokers(addrs...)) }

// ClientOptions are options for the Kafka client, such as for TLS or SASL.
func ClientOptions(options ...kgo.Opt) Option {
	return option(func(c *config) { c.kafka = append(c.kafka, options...) })
}

// Logger is where the client logs failed fetches, by default slog's default logger.
func Logger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }

// Client sends requests and reads their replies. It is safe for concurrent use.
type Client struct {
	kafka     *kgo.Client
	logger    *slog.Logger
	replies   string
	instance  string
	partition int32
	cancel    context.CancelFunc
	done      chan struct{}

	mu      sync.Mutex
	waiting map[string]chan<- reply
	over    history
	n       uint64
	stats   Stats
	closed  bool
}

// Open returns a client whose replies come on a topic, which exists. It returns when it
// is ready to read them. The caller closes it.
func Open(ctx context.Context, replies string, options ...Option) (*Client, error) {
	set := config{logger: slog.Default()}
	for _, o := range options {
		o.apply(&set)
	}
	c := &Client{
		logger: set.logger, replies: replies, instance: rand.Text(), done: make(chan struct{}),
		waiting: map[string]chan<- reply{}, over: newHistory(),
	}
	var err error
	if c.kafka, err = kgo.NewClient(append(set.kafka, kgo.FetchIsolationLevel(kgo.ReadCommitted()))...); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if err := c.locate(ctx); err != nil {
		c.kafka.Close()
		return nil, fmt.Errorf("request: replies on topic %q: %w", replies, err)
	}
	run, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go c.read(run)
	return c, nil
}

// locate picks the instance's partition and begins to read at its end.
func (c *Client) locate(ctx context.Context) error {
	ends, err := kadm.NewClient(c.kafka).ListEndOffsets(ctx, c.replies)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	partitions := ends[c.replies]
	if len(partitions) == 0 {
		return errors.New("the topic does not exist: create it")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(c.instance))
	c.partition = int32(h.Sum32() % uint32(len(partitions)))
	at := kgo.NewOffset().At(partitions[c.partition].Offset)
	c.kafka.AddConsumePartitions(map[string]map[int32]kgo.Offset{c.replies: {c.partition: at}})
	return nil
}

// Close ends the client. Requests that wait end with ErrClosed.
func (c *Client) Close() {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	for id, wait := range c.waiting {
		wait <- reply{err: ErrClosed}
		delete(c.waiting, id)
	}
	c.mu.Unlock()
	c.cancel()
	<-c.done
	if !already {
		c.kafka.Close()
	}
}

// read takes replies until the client is closed.
func (c *Client) read(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		fetches := c.kafka.PollFetches(ctx)
		fetches.EachError(func(topic string, partition int32, err error) {
			if ctx.Err() == nil {
				c.logger.Warn("request: reading replies failed, the client goes on", "topic", topic, "partition", partition, "err", err)
			}
		})
		fetches.EachRecord(c.take)
	}
}

// take gives a reply to the request that waits for it.
func (c *Client) take(r *kgo.Record) {
	id, status := header(r, events.HeaderRequest), header(r, events.HeaderReply)
	if !c.own(id) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wait, ok := c.waiting[id]
	if !ok {
		c.unexpected(id)
		return
	}
	c.finish(id, true)
	c.stats.Answered++
	if status == events.ReplyOK {
		wait <- reply{value: r.Value}
	} else {
		wait <- reply{err: &ReplyError{string(r.Value)}}
	}
}

// own says whether a request is of this instance: its id names it, or it waits here
// under an id of the user.
func (c *Client) own(id string) bool {
	if strings.HasPrefix(id, c.instance+"/") {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id] != nil || c.over.knows(id)
}

// unexpected counts a reply that nobody waits for. The caller holds mu.
func (c *Client) unexpected(id string) {
	if c.over.answered(id) {
		c.stats.Duplicate++
	} else {
		c.stats.Late++
	}
}

// finish ends the wait for a reply. The caller holds mu.
func (c *Client) finish(id string, answered bool) {
	delete(c.waiting, id)
	c.over.add(id, answered)
}

// nextID is the id of a request that the user has given none.
func (c *Client) nextID() string { return c.instance + "/" + strconv.FormatUint(c.n, 10) }

func header(r *kgo.Record, key string) string {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == key {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}
