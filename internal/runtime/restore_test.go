package runtime

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// changelogs is a cluster in virtual time with clients to write changelogs.
type changelogs struct {
	*testing.T
	cluster *kfake.Cluster
	net     *kfake.VirtualNetwork
	cl      *kgo.Client
}

// withChangelogs runs a test on a cluster with the topic "log" of one partition.
func withChangelogs(t *testing.T, brokers int, test func(*testing.T, *changelogs)) {
	synctest.Test(t, func(t *testing.T) {
		network := new(kfake.VirtualNetwork)
		ports := []int{9092, 9093, 9094}[:brokers]
		cluster, err := kfake.NewCluster(kfake.ListenFn(network.Listen), kfake.NumBrokers(brokers), kfake.Ports(ports...))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		c := &changelogs{T: t, cluster: cluster, net: network}
		c.cl = c.client()
		defer c.cl.Close()
		c.create("log", 1)
		test(t, c)
	})
}

func (c *changelogs) client(opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.cluster.ListenAddrs()...), kgo.Dialer(c.net.DialContext),
		kgo.DisableClientMetrics(), kgo.ProducerLinger(0), kgo.DefaultProduceTopic("log"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		c.Fatal(err)
	}
	return cl
}

func (c *changelogs) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *changelogs) create(topic string, partitions int32) {
	policy := "compact"
	_, err := kadm.NewClient(c.cl).CreateTopic(c.Context(), partitions, 1, map[string]*string{"cleanup.policy": &policy}, topic)
	c.must(err)
}

func (c *changelogs) recreate() {
	_, err := kadm.NewClient(c.cl).DeleteTopic(c.Context(), "log")
	c.must(err)
	c.create("log", 1)
}

func (c *changelogs) id() [16]byte {
	seen, err := describeTopics(c.Context(), c.cl, []string{"log"})
	c.must(err)
	return seen["log"].TopicID
}

// write produces a batch of its own for each "key=value" with a client of its
// own, since a producer does not expect its topic to be recreated.
func (c *changelogs) write(rows ...string) {
	cl := c.client()
	defer cl.Close()
	c.writeWith(cl, rows...)
}

func (c *changelogs) writeWith(cl *kgo.Client, rows ...string) {
	for _, row := range rows {
		key, value, _ := strings.Cut(row, "=")
		c.must(cl.ProduceSync(c.Context(), &kgo.Record{Key: []byte(key), Value: []byte(value)}).FirstErr())
	}
}

// begin writes rows in a transaction and leaves it open.
func (c *changelogs) begin(rows ...string) *kgo.Client {
	cl := c.client(kgo.TransactionalID("app-1"), kgo.TransactionTimeout(time.Minute))
	c.must(cl.BeginTransaction())
	c.writeWith(cl, rows...)
	return cl
}

func (c *changelogs) transact(end kgo.TransactionEndTry, rows ...string) {
	cl := c.begin(rows...)
	defer cl.Close()
	c.must(cl.EndTransaction(c.Context(), end))
}

// truncate moves the start of the log.
func (c *changelogs) truncate(to int64) {
	c.must(purge(c.Context(), c.cl, map[string]map[int32]int64{"log": {0: to}}))
}

// localState is what a target is restored into.
type localState struct {
	rows   map[string]string
	resets int
	last   int64
	busy   atomic.Bool
	faults []string
}

func newLocalState(rows ...string) *localState {
	s := &localState{rows: make(map[string]string), last: -1}
	for _, row := range rows {
		key, value, _ := strings.Cut(row, "=")
		s.rows[key] = value
	}
	return s
}

func (s *localState) target(topic string, partition int32, from int64) restoreTarget {
	return restoreTarget{topic: topic, partition: partition, from: from, apply: s.apply, reset: s.reset}
}

func (s *localState) apply(records []*kgo.Record) error {
	if !s.busy.CompareAndSwap(false, true) {
		s.faults = append(s.faults, "called concurrently")
	}
	defer s.busy.Store(false)
	for _, r := range records {
		if r.Offset <= s.last || r.Attrs.IsControl() {
			s.faults = append(s.faults, fmt.Sprintf("offset %d after %d", r.Offset, s.last))
		}
		s.last = r.Offset
		s.rows[string(r.Key)] = string(r.Value)
	}
	return nil
}

func (s *localState) reset() error {
	s.resets++
	clear(s.rows)
	s.last = -1
	return nil
}

func (s *localState) String() string {
	var rows []string
	for _, key := range slices.Sorted(maps.Keys(s.rows)) {
		rows = append(rows, key+"="+s.rows[key])
	}
	return strings.Join(rows, " ")
}

// answersDry makes leaders show no records at or behind an offset, as if they had
// been compacted away, until the end of a log that ends at highWatermark.
func (c *changelogs) answersDry(from, highWatermark int64) {
	c.cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.cluster.KeepControl()
		asked := req.(*kmsg.FetchRequest).Topics[0]
		if asked.Partitions[0].FetchOffset < from {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		part.HighWatermark, part.LastStableOffset = highWatermark, highWatermark
		topic.Partitions = append(topic.Partitions, part)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
}

// restores are logs, what is there locally, and what becomes of it.
var restores = []struct {
	name     string
	log      func(c *changelogs)
	local    []string
	from     int64
	id       [16]byte
	windowed bool
	loose    bool // at-least-once
	want     string
	next     int64
	records  int64
	resets   int
	fetches  bool
}{
	{name: "an empty log is not fetched at all", log: func(c *changelogs) {}, from: -1, next: 0},
	{name: "a state that is up to date is not either", log: func(c *changelogs) { c.write("a=1", "b=2") },
		local: []string{"a=1", "b=2"}, from: 2, want: "a=1 b=2", next: 2},
	{name: "everything, from nothing", log: func(c *changelogs) { c.write("a=1", "b=2", "a=3") },
		from: -1, want: "a=3 b=2", next: 3, records: 3, fetches: true},
	{name: "the tail only", log: func(c *changelogs) { c.write("a=1", "b=2", "a=3") },
		local: []string{"a=1", "b=kept"}, from: 2, want: "a=3 b=kept", next: 3, records: 1, fetches: true},
	{name: "a log that ends with a commit", log: func(c *changelogs) { c.transact(kgo.TryCommit, "a=1", "b=2") },
		from: -1, want: "a=1 b=2", next: 3, records: 2, fetches: true},
	{name: "a commit is all that is missing", log: func(c *changelogs) { c.transact(kgo.TryCommit, "a=1") },
		local: []string{"a=1"}, from: 1, want: "a=1", next: 2, fetches: true},
	{name: "an aborted transaction", log: func(c *changelogs) { c.write("a=1"); c.transact(kgo.TryAbort, "a=2", "b=2") },
		from: -1, want: "a=1", next: 4, records: 1, fetches: true},
	{name: "an aborted transaction at least once", log: func(c *changelogs) { c.write("a=1"); c.transact(kgo.TryAbort, "b=2") },
		loose: true, from: -1, want: "a=1 b=2", next: 3, records: 2, fetches: true},
	{name: "an open transaction at least once",
		log: func(c *changelogs) { cl := c.begin("a=1"); c.Cleanup(cl.Close) }, loose: true, from: -1, want: "a=1", next: 1, records: 1, fetches: true},
	{name: "a compacted log", log: func(c *changelogs) { c.write("a=1", "a=2", "b=3", "b=4", "a=5"); c.cluster.Compact() },
		from: -1, want: "a=5 b=4", next: 5, records: 3, fetches: true},
	{name: "a log that is compacted at its end", log: func(c *changelogs) { c.write("a=1", "b=2", "c=3"); c.answersDry(2, 3) },
		local: []string{"a=1", "b=2"}, from: 2, want: "a=1 b=2", next: 3, fetches: true},
	{name: "a log that lost its end meanwhile", log: func(c *changelogs) { c.write("a=1", "b=2", "c=3"); c.losesItsEnd() },
		local: []string{"a=1"}, from: 1, want: "a=1", next: 1, fetches: true},
	{name: "a log that was truncated behind the state", log: func(c *changelogs) { c.write("a=1", "b=2", "c=3"); c.truncate(1) },
		local: []string{"a=1", "b=2"}, from: 2, want: "a=1 b=2 c=3", next: 3, records: 1, fetches: true},
	{name: "a log that was truncated before the state", log: func(c *changelogs) { c.write("a=1", "b=2", "c=3"); c.truncate(2) },
		local: []string{"a=1"}, from: 1, want: "c=3", next: 3, records: 1, resets: 1, fetches: true},
	{name: "a windowed log that was truncated before the state", log: func(c *changelogs) { c.write("a=1", "b=2", "c=3"); c.truncate(2) },
		local: []string{"a=1"}, from: 1, windowed: true, want: "a=1 c=3", next: 3, records: 1, fetches: true},
	{name: "a log that was truncated to nothing", log: func(c *changelogs) { c.write("a=1", "b=2"); c.truncate(2) }, from: -1, next: 2},
	{name: "a state from beyond the end", log: func(c *changelogs) { c.write("a=1") },
		local: []string{"z=1"}, from: 9, want: "a=1", next: 1, records: 1, resets: 1, fetches: true},
	{name: "another topic of the same name", log: func(c *changelogs) { c.write("a=1", "b=2") },
		local: []string{"z=1"}, from: 1, id: [16]byte{1}, want: "a=1 b=2", next: 2, records: 2, resets: 1, fetches: true},
	{name: "another topic of the same name, and no state", log: func(c *changelogs) { c.write("a=1") },
		from: -1, id: [16]byte{1}, want: "a=1", next: 1, records: 1, fetches: true},
}

func TestRestoreReachesTheEndOfTheLog(t *testing.T) {
	for _, row := range restores {
		t.Run(row.name, func(t *testing.T) {
			withChangelogs(t, 1, func(t *testing.T, c *changelogs) {
				row.log(c)
				fetches := c.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets}, Observe: true, Count: -1,
					When: func(req kmsg.Request) bool { return row.fetches != (req.Key() == int16(kmsg.Fetch)) }})
				local := newLocalState(row.local...)
				target := local.target("log", 0, row.from)
				target.windowed, target.topicID = row.windowed, row.id
				var position, end int64
				got, err := newRestorer(c.cl, !row.loose).restore(t.Context(), []restoreTarget{target}, func(_ int, p, e int64) { position, end = p, e })
				c.must(err)
				want := restored{next: row.next, topicID: c.id(), records: row.records}
				if got[0] != want || local.String() != row.want || local.resets != row.resets || len(local.faults) > 0 {
					t.Errorf("got  %+v: %s after %d resets %v\nwant %+v: %s after %d resets", got[0], local, local.resets, local.faults, want, row.want, row.resets)
				}
				if position != row.next || end > position {
					t.Errorf("progress ended at %d of %d", position, end)
				}
				if !row.fetches && fetches.Hits() > 0 {
					t.Errorf("%d fetches", fetches.Hits())
				}
			})
		})
	}
}

// losesItsEnd has a log of three records answer as if it ended after the first,
// as after an unclean election, once its end has been asked for.
func (c *changelogs) losesItsEnd() {
	ends := 0
	c.cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.cluster.KeepControl()
		asked := req.(*kmsg.ListOffsetsRequest).Topics[0]
		if asked.Partitions[0].Timestamp != logEnd {
			return nil, nil, false
		}
		if ends++; ends == 1 {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		topic, part := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
		topic.Topic, part.Offset = asked.Topic, 1
		topic.Partitions = append(topic.Partitions, part)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	c.answersDry(1, 1)
}
