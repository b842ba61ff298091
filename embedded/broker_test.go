package embedded_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
)

// connect returns a client of the broker that ends with the test.
func connect(t *testing.T, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addrs...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// partitionCounts returns the topics of the broker with their partitions.
func partitionCounts(t *testing.T, addrs []string) map[string]int {
	t.Helper()
	topics, err := kadm.NewClient(connect(t, addrs)).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for name, topic := range topics {
		counts[name] = len(topic.Partitions)
	}
	return counts
}

func TestTopicsAreThereFromTheStart(t *testing.T) {
	b := start(t, embedded.Topic("orders", 4), embedded.Topic("totals", 1))
	counts := partitionCounts(t, b.Addrs())
	if len(counts) != 2 || counts["orders"] != 4 || counts["totals"] != 1 {
		t.Errorf("topics %v, want orders with 4 partitions and totals with 1", counts)
	}
}

func TestPortIsTheOneAskedFor(t *testing.T) {
	_, port, err := net.SplitHostPort(start(t).Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(embedded.Port(n)); err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("a port in use gives %v, want an error that names it", err)
	}

	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := free.Addr().String()
	free.Close()
	if got := start(t, embedded.Port(free.Addr().(*net.TCPAddr).Port)).Addrs(); len(got) != 1 || got[0] != want {
		t.Errorf("the broker listens on %v, want %s", got, want)
	}
}

func TestClosedBrokerAnswersNobody(t *testing.T) {
	b := start(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("the second Close gives %v", err)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.Addrs()[0]); err == nil {
		conn.Close()
		t.Error("the port still listens")
	}
}

func TestAllFaultsOfTheOptionsAreReportedAtOnce(t *testing.T) {
	_, err := embedded.Start(
		embedded.Port(70000),
		embedded.Topic("no spaces", 1),
		embedded.Topic("none", 0),
		embedded.Topic("twice", 1), embedded.Topic("twice", 2),
	)
	if err == nil {
		t.Fatal("started")
	}
	for _, want := range []string{"embedded: ", "port 70000", `"no spaces"`, `"none": 0 partitions`, `"twice" is asked for with 1 and with 2`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestBrokersStartsABrokerWithoutACluster(t *testing.T) {
	t.Setenv(embedded.BrokersVariable, "")
	addrs, stop, err := embedded.Brokers(t.Context(), embedded.Topic("orders", 2))
	if err != nil {
		t.Fatal(err)
	}
	if counts := partitionCounts(t, addrs); counts["orders"] != 2 {
		t.Errorf("topics %v, want orders with 2 partitions", counts)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addrs[0]); err == nil {
		conn.Close()
		t.Error("the broker still listens after stop")
	}
}

func TestBrokersUsesTheClusterThatIsNamed(t *testing.T) {
	cluster := start(t, embedded.Topic("there", 3))
	t.Setenv(embedded.BrokersVariable, " , "+cluster.Addrs()[0]+" ")
	addrs, stop, err := embedded.Brokers(t.Context(), embedded.Topic("there", 1), embedded.Topic("missing", 2))
	if err != nil {
		t.Fatal(err)
	}
	if len(addrs) != 1 || addrs[0] != cluster.Addrs()[0] {
		t.Errorf("addresses %v, want %v", addrs, cluster.Addrs())
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	counts := partitionCounts(t, addrs) // stop leaves a cluster running
	if counts["there"] != 3 || counts["missing"] != 2 {
		t.Errorf("topics %v, want there as it was with 3 partitions, and missing with 2", counts)
	}
}

func TestBrokersSaysWhatIsWrongWithTheCluster(t *testing.T) {
	t.Setenv(embedded.BrokersVariable, " , ")
	if _, _, err := embedded.Brokers(t.Context()); err == nil || !strings.Contains(err.Error(), "names no broker") {
		t.Errorf("an empty list gives %v", err)
	}
	b := start(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(embedded.BrokersVariable, b.Addrs()[0])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := embedded.Brokers(ctx)
	if err == nil || !strings.Contains(err.Error(), b.Addrs()[0]) || !strings.Contains(err.Error(), "no broker answers") {
		t.Errorf("a cluster that is down gives %v, want an error that names it", err)
	}
}
