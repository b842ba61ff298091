//go:build integration

package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/redis/bridge"
)

// certificate makes one for this machine that is its own authority.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

func TestRedisOverTLS(t *testing.T) {
	f := newFixture(t)
	cert, key := certificate(t)
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(cert) {
		t.Fatal("the certificate is not read")
	}
	files := []testcontainers.ContainerFile{
		{Reader: bytes.NewReader(cert), ContainerFilePath: "/cert.pem", FileMode: 0o644},
		{Reader: bytes.NewReader(key), ContainerFilePath: "/key.pem", FileMode: 0o644},
	}
	s := startRedisWith(t, files, &tls.Config{RootCAs: known}, "--port", "0", "--tls-port", "6379", "--tls-cert-file", "/cert.pem",
		"--tls-key-file", "/key.pem", "--tls-auth-clients", "no")
	topic := f.topic("in", 1)
	f.produce(numbered(topic, 0, 1000)...)

	stranger := goredis.NewClient(&goredis.Options{Addr: s.addr, TLSConfig: &tls.Config{RootCAs: x509.NewCertPool()}})
	defer func() { _ = stranger.Close() }()
	w := f.work(redisCounter(f.app, stranger, topic, connectors.Report))
	await(t, "a worker that does not know the authority ends", func() bool { return ended(w.ended) })
	if w.err == nil || !strings.Contains(w.err.Error(), "unknown authority") {
		t.Errorf("it ended with %v, want what is wrong with the certificate", w.err)
	}

	w = f.work(redisCounter(f.app, s, topic, connectors.Report))
	await(t, "all are counted", func() bool { w.alive(); return s.total() == 1000 })
	w.stop()
}

// limited makes a user who may do what the documentation says, with keys of his own.
func (s *redisServer) limited(keys ...string) *goredis.Client {
	s.t.Helper()
	rules := append([]string{"on", ">a-secret", "~tidemill:*"}, keys...)
	rules = append(rules, strings.Fields("-@all +evalsha +eval +hget +hset +hdel +hlen +hmget +hgetall +incrby")...)
	if err := s.ACLSetUser(s.t.Context(), "limited", rules...).Err(); err != nil {
		s.t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: s.addr, Username: "limited", Password: "a-secret"})
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestAUserOfRedisNeedsNoMoreThanIsDocumented(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			s := startRedis(t)
			topic := f.topic("in", 1)
			f.produce(numbered(topic, 0, 1000)...)
			w := f.work(redisCounter(f.app, s.limited("~k*"), topic, connectors.Report), g.options...)
			await(t, "all are counted", func() bool { w.alive(); return s.total() == 1000 })
			w.stop()
		})
	}
}

func TestAKeyThatTheUserMayNotWriteIsNamedAndWrittenLater(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			s := startRedis(t)
			topic, dead := f.topic("in", 1), f.topic("dead", 1)
			f.produce(numbered(topic, 0, 200)...)
			options := append([]tidemill.Option{tidemill.OnProcessError(tidemill.DeadLetter(dead))}, g.options...)
			w := f.work(redisCounter(f.app, s.limited("~k1*"), topic, connectors.Report), options...)
			await(t, "the worker ends", func() bool { return ended(w.ended) })
			if w.err == nil || !strings.Contains(w.err.Error(), `key "k0"`) {
				t.Errorf("it ended with %v, want the key", w.err)
			}
			w = f.work(redisCounter(f.app, s.limited("~k*"), topic, connectors.Report), options...)
			await(t, "all are counted", func() bool { w.alive(); return s.total() >= 200 && f.lag(topic) == 0 })
			w.stop()
			counts, _ := s.counts()
			for k, n := range counts {
				if n != 1 {
					t.Errorf("%s is %d, want 1", "k"+strconv.Itoa(k), n)
				}
			}
			if letters := f.read(dead); len(letters) > 0 {
				t.Errorf("%d dead letters: a right that is missing is no record's fault", len(letters))
			}
		})
	}
}

func TestAWrongPasswordIsSaidWithoutThePassword(t *testing.T) {
	f := newFixture(t)
	s := startRedis(t)
	s.limited("~k*")
	topic := f.topic("in", 1)
	c, err := bridge.Parse(strings.NewReader("{application: " + f.app + ", kafka: {brokers: [\"" + strings.Join(f.brokers, "\", \"") + "\"]}, redis: {url: \"redis://limited:not-the-word@" + s.addr +
		"\"}, routes: [{topic: " + topic + ", to: list, key: list}]}"))
	if err != nil {
		t.Fatal(err)
	}
	err = bridge.Run(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("the bridge ended with %v, want WRONGPASS", err)
	}
	if err != nil && strings.Contains(err.Error(), "not-the-word") {
		t.Errorf("the password is in %q", err)
	}
}
