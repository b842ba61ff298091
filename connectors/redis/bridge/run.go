package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// Run runs the bridge until ctx ends, or it fails for good. Start it several times, and
// the partitions are divided. options come after those of the configuration.
func Run(ctx context.Context, c Config, options ...tidemill.Option) (err error) {
	if err := c.Check(); err != nil {
		return err
	}
	open, err := c.Redis.open()
	if err != nil {
		return err
	}
	client := open()
	defer func() { err = errors.Join(err, client.Close()) }()
	b := topology.New(c.Application)
	if err := c.AddTo(b, client); err != nil {
		return err
	}
	return tidemill.Run(ctx, b, append(c.options(), options...)...)
}

func (c Config) options() []tidemill.Option {
	options := []tidemill.Option{tidemill.Brokers(c.Kafka.Brokers...), tidemill.InMemory()}
	if c.ExactlyOnce {
		options = append(options, tidemill.ExactlyOnce())
	}
	if c.DeadLetter != "" {
		options = append(options, tidemill.OnError(tidemill.DeadLetter(c.DeadLetter)))
	}
	var kafka []kgo.Opt
	if c.Kafka.TLS {
		kafka = append(kafka, kgo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if s := c.Kafka.SASL; s != nil {
		kafka = append(kafka, kgo.SASL(mechanisms[s.Mechanism](s.User, s.Password)))
	}
	if len(kafka) > 0 {
		options = append(options, tidemill.ClientOptions(kafka...))
	}
	return options
}

// mechanisms are the ways to log in to Kafka.
var mechanisms = map[string]func(user, password string) sasl.Mechanism{
	"plain": func(user, password string) sasl.Mechanism {
		return plain.Auth{User: user, Pass: password}.AsMechanism()
	},
	"scram-sha-256": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism()
	},
	"scram-sha-512": func(user, password string) sasl.Mechanism {
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism()
	},
}

// patience is how long Redis may take to answer, less than a write may take in all.
const patience = 5 * time.Second

// open says how to make the client, which connects when it is used.
func (r Redis) open() (func() goredis.UniversalClient, error) {
	switch {
	case r.URL == "":
		return nil, errors.New("redis.url: is missing: give redis://host:port/db")
	case r.Mode == "single":
		o, err := goredis.ParseURL(r.URL)
		if err != nil {
			return nil, fmt.Errorf("redis.url: %w", unprefixed(err))
		}
		login(&o.Username, &o.Password, r)
		o.ReadTimeout, o.ContextTimeoutEnabled = patience, true
		return func() goredis.UniversalClient { return goredis.NewClient(o) }, nil
	case r.Mode == "cluster":
		o, err := goredis.ParseClusterURL(r.URL)
		if err != nil {
			return nil, fmt.Errorf("redis.url: %w", unprefixed(err))
		}
		login(&o.Username, &o.Password, r)
		o.ReadTimeout, o.ContextTimeoutEnabled = patience, true
		return func() goredis.UniversalClient { return goredis.NewClusterClient(o) }, nil
	case r.Mode == "sentinel":
		return r.openSentinel()
	}
	return nil, fmt.Errorf("redis.mode: %q: choose single, cluster or sentinel", r.Mode)
}

func (r Redis) openSentinel() (func() goredis.UniversalClient, error) {
	o, err := goredis.ParseFailoverURL(r.URL)
	if err != nil {
		return nil, fmt.Errorf("redis.url: %w", unprefixed(err))
	}
	if o.MasterName == "" {
		return nil, errors.New("redis.url: sentinels need the name of the master: add ?master_name=NAME")
	}
	login(&o.Username, &o.Password, r)
	o.ReadTimeout, o.ContextTimeoutEnabled = patience, true
	return func() goredis.UniversalClient { return goredis.NewFailoverClient(o) }, nil
}

// errURL does not quote the URL, since the password may be in it.
var errURL = errors.New("cannot be read: give redis://user:password@host:port/db, with %XX for special characters, or the password as redis.password")

// unprefixed takes the name of the library from an error of a URL.
func unprefixed(err error) error {
	var syntax *url.Error
	if errors.As(err, &syntax) {
		return errURL
	}
	return errors.New(strings.TrimPrefix(err.Error(), "redis: "))
}

// login has the fields of the file come before what the URL says.
func login(user, password *string, r Redis) {
	if r.User != "" {
		*user = r.User
	}
	if r.Password != "" {
		*password = r.Password
	}
}
