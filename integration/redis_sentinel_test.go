//go:build integration

package integration

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	goredis "github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/tidemill/tidemill/connectors"
)

// sentinel is two servers of Redis and what watches over them, all in one container, in
// which they have the same addresses as outside.
type sentinel struct {
	// UniversalClient goes to the master, asks goes to the sentinel.
	goredis.UniversalClient
	t         *testing.T
	asks      *goredis.SentinelClient
	container testcontainers.Container
}

// masterName is what the sentinel calls the two servers.
const masterName = "tests"

// startSentinel starts a master, a replica and a sentinel.
func startSentinel(t *testing.T) *sentinel {
	t.Helper()
	addrs, ports, bound := make([]string, 3), make([]string, 3), network.PortMap{}
	var exposed []string
	for i := range addrs {
		addrs[i] = freeAddr(t)
		_, ports[i], _ = net.SplitHostPort(addrs[i])
		exposed = append(exposed, ports[i]+"/tcp")
		bound[network.MustParsePort(exposed[i])] = []network.PortBinding{{HostIP: netip.IPv4Unspecified(), HostPort: ports[i]}}
	}
	conf := fmt.Sprintf("port %s\nprotected-mode no\ndir /tmp\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %s 1000\nsentinel failover-timeout %s 5000\n",
		ports[2], masterName, ports[0], masterName, masterName)
	script := strings.Join([]string{
		serve(ports[0]), serve(ports[1], "--replicaof", "127.0.0.1", ports[0]),
		"printf '" + strings.ReplaceAll(conf, "\n", "\\n") + "' > /tmp/sentinel.conf",
		"exec redis-server /tmp/sentinel.conf --sentinel",
	}, "\n")
	s := &sentinel{t: t}
	var err error
	s.container, err = testcontainers.Run(t.Context(), "redis:7", testcontainers.WithExposedPorts(exposed...),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { c.PortBindings = bound }),
		testcontainers.WithEntrypoint("sh", "-c"), testcontainers.WithCmd(script),
		testcontainers.WithWaitStrategy(wait.ForLog("+slave slave").WithStartupTimeout(time.Minute)))
	testcontainers.CleanupContainer(t, s.container)
	if err != nil {
		t.Fatal(err)
	}
	s.asks = goredis.NewSentinelClient(&goredis.Options{Addr: addrs[2]})
	s.UniversalClient = goredis.NewFailoverClient(&goredis.FailoverOptions{
		MasterName: masterName, SentinelAddrs: []string{addrs[2]}, DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	t.Cleanup(func() { _, _ = s.asks.Close(), s.UniversalClient.Close() })
	return s
}

// serve is the command that starts a server in the background.
func serve(port string, args ...string) string {
	return fmt.Sprintf("redis-server --port %s --protected-mode no --save '' --repl-diskless-sync-delay 0 --replica-announce-ip 127.0.0.1 --dir /tmp --dbfilename %s.rdb --daemonize yes --pidfile /tmp/%s.pid %s",
		port, port, port, strings.Join(args, " "))
}

// master is the address of the master, as the sentinel sees it.
func (s *sentinel) master() string {
	s.t.Helper()
	addr, err := s.asks.GetMasterAddrByName(s.t.Context(), masterName).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(addr, ":")
}

// ready waits until the other server could take over.
func (s *sentinel) ready() {
	s.t.Helper()
	await(s.t, "a replica follows the master", func() bool {
		replicas, err := s.asks.Replicas(s.t.Context(), masterName).Result()
		if err != nil {
			return false
		}
		for _, r := range replicas {
			if r["flags"] == "slave" && r["master-link-status"] == "ok" {
				return true
			}
		}
		return false
	})
}

// crash kills the master with SIGKILL and waits until the replica has taken over. Then
// the old master is started again, which makes it a replica.
func (s *sentinel) crash() {
	s.t.Helper()
	s.ready()
	old := s.master()
	_, port, _ := net.SplitHostPort(old)
	s.exec("kill -9 $(cat /tmp/" + port + ".pid)")
	await(s.t, "the replica takes over", func() bool { return s.master() != old })
	s.exec(serve(port))
}

// change has the sentinel swap the two, both of which live.
func (s *sentinel) change() {
	s.t.Helper()
	s.ready()
	old := s.master()
	if err := s.asks.Failover(s.t.Context(), masterName).Err(); err != nil {
		s.t.Fatal(err)
	}
	await(s.t, "the replica takes over", func() bool { return s.master() != old })
}

func (s *sentinel) total() int {
	_, n := countsIn(s.t, s)
	return n
}

func (s *sentinel) exec(script string) {
	s.t.Helper()
	code, _, err := s.container.Exec(s.t.Context(), []string{"sh", "-c", script})
	if err != nil || code != 0 {
		s.t.Fatalf("%s: %d, %v", script, code, err)
	}
}

// What the replica did not have is lost in a failover, the position together with the
// data, so that it is read and written again.
func TestAFailoverRepeatsNothingAndWhatItLosesIsRebuilt(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			s := startSentinel(t)
			topic := f.topic("in", 2)
			w := f.work(redisCounter(f.app, s, topic, connectors.Rebuild), g.options...)
			calm := make(chan struct{})
			sent := f.feed(topic, calm)
			again := func() {
				before := s.total()
				await(t, "records are counted again", func() bool { w.alive(); return s.total() > before+3000 })
			}
			for i := range 4 {
				again()
				if i%2 == 0 {
					s.crash()
				} else {
					s.change()
				}
			}
			again() // a loss is noticed when more is written
			close(calm)
			want := <-sent
			await(t, "all is counted", func() bool { w.alive(); return s.total() >= want && f.lag(topic) == 0 })
			w.stop()
			counts, total := countsIn(t, s)
			t.Logf("%d records, %d counted", want, total)
			for k, n := range counts {
				if expect := (want + 199 - k) / 200; n != expect {
					t.Errorf("k%d is %d, want %d", k, n, expect)
				}
			}
		})
	}
}
