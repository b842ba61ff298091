//go:build integration

package integration

import (
	"net"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors/redis"
	"github.com/tidemill/tidemill/topology"
)

// startCluster starts a cluster of one server, which refuses scripts and transactions
// across slots as any other does, and returns a client of clusters.
func startCluster(t *testing.T) *goredis.ClusterClient {
	t.Helper()
	s := startRedis(t, "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
	_, port, _ := net.SplitHostPort(s.addr)
	ctx := t.Context()
	for _, err := range []error{
		s.ConfigSet(ctx, "cluster-announce-port", port).Err(),
		s.ClusterAddSlotsRange(ctx, 0, 16383).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{s.addr}, DialTimeout: time.Second, ReadTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	await(t, "the cluster is up", func() bool {
		info, err := client.ClusterInfo(ctx).Result()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	})
	return client
}

func TestAClusterTakesTaggedKeys(t *testing.T) {
	f := newFixture(t)
	client := startCluster(t)
	topic := f.topic("in", 2)
	b := topology.New(f.app)
	b.Stream[string, string](topic).Sink(redis.Counter(client, "counts", func(k string) string { return k },
		func(string) int64 { return 1 }, redis.Tagged(), redis.Newest(), redis.TTL(time.Hour)))
	w := f.work(b, tidemill.ExactlyOnce())
	f.produce(numbered(topic, 0, 1000)...)
	await(t, "all are counted", func() bool {
		w.alive()
		total := 0
		for _, partition := range []string{"0", "1"} {
			keys, err := client.Keys(t.Context(), "{"+f.app+"/counts:"+partition+"}k*").Result()
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				n, err := client.Get(t.Context(), key).Int()
				if err != nil {
					t.Fatal(err)
				}
				total += n
			}
		}
		return total == 1000
	})
	w.stop()
}
