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

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors/secure"
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
	own, err := c.options()
	if err != nil {
		return err
	}
	return tidemill.Run(ctx, b, append(own, options...)...)
}

func (c Config) options() ([]tidemill.Option, error) {
	options := []tidemill.Option{tidemill.Brokers(c.Kafka.Brokers...), tidemill.InMemory()}
	if c.ExactlyOnce {
		options = append(options, tidemill.ExactlyOnce())
	}
	if c.DeadLetter != "" {
		options = append(options, tidemill.OnError(tidemill.DeadLetter(c.DeadLetter)))
	}
	var kafka []kgo.Opt
	config, err := c.Kafka.tls()
	if err != nil {
		return nil, err
	}
	if config != nil {
		kafka = append(kafka, kgo.DialTLSConfig(config))
	}
	if s := c.Kafka.SASL; s != nil {
		mechanism, err := secure.Mechanism(s.Mechanism, s.User, s.Password)
		if err != nil {
			return nil, fmt.Errorf("kafka.sasl.mechanism: %w", err)
		}
		kafka = append(kafka, kgo.SASL(mechanism))
	}
	if len(kafka) > 0 {
		options = append(options, tidemill.ClientOptions(kafka...))
	}
	return options, nil
}

// tls is the configuration of the connections, or nil if they are plain.
func (k Kafka) tls() (*tls.Config, error) {
	files := secure.Files{CA: k.CA, Cert: k.Cert, Key: k.Key}
	if k.TLS {
		return files.Config("kafka.")
	}
	if !files.None() {
		return nil, errors.New("kafka.tls: is to be true for ca, cert and key")
	}
	return nil, nil
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
		return func() goredis.UniversalClient { return goredis.NewClient(o) }, r.secure(o.TLSConfig)
	case r.Mode == "cluster":
		o, err := goredis.ParseClusterURL(r.URL)
		if err != nil {
			return nil, fmt.Errorf("redis.url: %w", unprefixed(err))
		}
		login(&o.Username, &o.Password, r)
		o.ReadTimeout, o.ContextTimeoutEnabled = patience, true
		return func() goredis.UniversalClient { return goredis.NewClusterClient(o) }, r.secure(o.TLSConfig)
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
	return func() goredis.UniversalClient { return goredis.NewFailoverClient(o) }, r.secure(o.TLSConfig)
}

// secure adds the files to the configuration of connections to Redis, which is nil if they
// are plain.
func (r Redis) secure(config *tls.Config) error {
	files := secure.Files{CA: r.CA, Cert: r.Cert, Key: r.Key}
	if files.None() {
		return nil
	}
	if config == nil {
		return errors.New("redis.url: is to begin with rediss:// for ca, cert and key")
	}
	read, err := files.Config("redis.")
	if err == nil {
		config.RootCAs, config.Certificates = read.RootCAs, read.Certificates
	}
	return err
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
