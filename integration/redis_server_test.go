//go:build integration

package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	goredis "github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/tidemill/tidemill/connectors/connectortest"
)

// redisServer is a Redis of the test's own, in a container that keeps its address and
// its data when it is killed.
type redisServer struct {
	*goredis.Client
	t         *testing.T
	addr      string
	container testcontainers.Container
	// gate is what the client's connections go through.
	gate *connectortest.Gate
}

// startRedis starts a Redis with these arguments.
func startRedis(t *testing.T, args ...string) *redisServer {
	t.Helper()
	return startRedisWith(t, nil, nil, args...)
}

// startRedisWith is startRedis with files in the container. Unless it is nil, the server
// speaks TLS, and the client as it says.
func startRedisWith(t *testing.T, files []testcontainers.ContainerFile, secure *tls.Config, args ...string) *redisServer {
	t.Helper()
	s := &redisServer{t: t, addr: freeAddr(t), gate: &connectortest.Gate{}}
	_, port, _ := net.SplitHostPort(s.addr)
	var err error
	s.container, err = testcontainers.Run(t.Context(), "redis:7", testcontainers.WithExposedPorts("6379/tcp"),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) {
			c.PortBindings = network.PortMap{network.MustParsePort("6379/tcp"): {{HostIP: netip.IPv4Unspecified(), HostPort: port}}}
		}),
		testcontainers.WithEntrypoint("redis-server"), testcontainers.WithFiles(files...),
		testcontainers.WithCmd(append([]string{"--protected-mode", "no", "--dir", "/tmp"}, args...)...),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections")))
	testcontainers.CleanupContainer(t, s.container)
	if err != nil {
		t.Fatal(err)
	}
	options := &goredis.Options{Addr: s.addr, DialTimeout: time.Second, ReadTimeout: time.Second, ContextTimeoutEnabled: true, TLSConfig: secure}
	if secure == nil {
		options.Dialer = s.gate.Dial
	}
	s.Client = goredis.NewClient(options)
	t.Cleanup(func() { _ = s.Client.Close() })
	s.answers()
	return s
}

// freeAddr is an address that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *redisServer) answers() {
	s.t.Helper()
	await(s.t, "Redis answers", func() bool { return s.Ping(s.t.Context()).Err() == nil })
}

// kill kills the server as kill -9 does; start starts it again with what it has on disk.
func (s *redisServer) kill() {
	s.docker(func(ctx context.Context, d *testcontainers.DockerClient, id string) error {
		_, err := d.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
		return err
	})
	await(s.t, "Redis is gone", func() bool {
		state, err := s.container.State(s.t.Context())
		return err == nil && !state.Running
	})
}

func (s *redisServer) start() {
	s.docker(func(ctx context.Context, d *testcontainers.DockerClient, id string) error {
		_, err := d.ContainerStart(ctx, id, client.ContainerStartOptions{})
		return err
	})
	s.answers()
}

func (s *redisServer) docker(call func(ctx context.Context, d *testcontainers.DockerClient, id string) error) {
	s.t.Helper()
	d, err := testcontainers.NewDockerClientWithOpts(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := call(s.t.Context(), d, s.container.GetContainerID()); err != nil {
		s.t.Fatal(err)
	}
}

// counts are the counters of the keys of numbered records, and total their sum.
func (s *redisServer) counts() (counts [200]int, total int) {
	s.t.Helper()
	return countsIn(s.t, s)
}

func (s *redisServer) total() int {
	_, n := s.counts()
	return n
}

// countsIn is counts of any Redis; total is -1 if it does not answer.
func countsIn(t *testing.T, client goredis.UniversalClient) (counts [200]int, total int) {
	t.Helper()
	keys := make([]string, len(counts))
	for k := range keys {
		keys[k] = "k" + strconv.Itoa(k)
	}
	values, err := client.MGet(t.Context(), keys...).Result()
	if err != nil {
		return counts, -1
	}
	for k, v := range values {
		if v == nil {
			continue
		}
		n, err := strconv.Atoi(fmt.Sprint(v))
		if err != nil {
			t.Fatalf("%s is %v", keys[k], v)
		}
		counts[k] = n
		total += n
	}
	return counts, total
}
