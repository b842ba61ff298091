package redis_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/connectors/redis"
)

// fake starts a Redis in the process, whose connections go through a gate.
func fake(t *testing.T) (*miniredis.Miniredis, *connectortest.Gate, *goredis.Client) {
	t.Helper()
	server, gate := miniredis.RunT(t), &connectortest.Gate{}
	client := goredis.NewClient(&goredis.Options{
		Addr: server.Addr(), Dialer: gate.Dial, MaxRetries: -1, DialTimeout: time.Second, ReadTimeout: time.Second, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = client.Close() })
	return server, gate, client
}

func subject(t *testing.T) connectortest.Subject[redis.Op] {
	server, gate, client := fake(t)
	if _, err := server.Push("list", "x"); err != nil {
		t.Fatal(err)
	}
	return connectortest.Subject[redis.Op]{
		Target: redis.NewTarget(client),
		Put:    func(key, value string) redis.Op { return redis.Set(key, []byte(value)) },
		Delete: redis.Delete,
		Add:    func(key string, n int) redis.Op { return redis.Add(key, int64(n)) },
		Poison: func() redis.Op { return redis.Add("list", 1) },
		Get: func(key string) (string, bool) {
			value, err := server.Get(key)
			return value, err == nil
		},
		Sum: func(key string) int {
			value, _ := server.Get(key)
			n, _ := strconv.Atoi(value)
			return n
		},
		Interrupt: gate.Shut,
		Slow:      gate.Slow,
	}
}

func TestRedisConforms(t *testing.T) { connectortest.Run(t, subject) }

// session opens a session of a task.
func session(t *testing.T, client goredis.UniversalClient, options ...redis.Option) connectors.Session[redis.Op] {
	t.Helper()
	s, err := redis.NewTarget(client, options...).Open(t.Context(), connectors.Task{Application: "app", Sink: "sink", Partition: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// batch is one of ops, each from a record of its own.
func batch(number int64, ops ...redis.Op) *connectors.Batch[redis.Op] {
	b := &connectors.Batch[redis.Op]{Number: number, Items: ops, Positions: []connectors.Position{{Topic: "in", Next: number * 100}}}
	for i := range ops {
		b.Origins = append(b.Origins, connectors.Origin{Topic: "in", Offset: int64(i)})
	}
	return b
}

func write(t *testing.T, s connectors.Session[redis.Op], b *connectors.Batch[redis.Op]) []connectors.Refused {
	t.Helper()
	refused, err := s.Write(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return refused
}

func TestOpsDoWhatTheirCommandsDo(t *testing.T) {
	server, _, client := fake(t)
	refused := write(t, session(t, client), batch(1,
		redis.Set("s", []byte("\x00\xff")).TTL(time.Minute),
		redis.HashSet("h", "a", "1", "b", "2"), redis.HashDelete("h", "a"), redis.HashAdd("h", "b", 40),
		redis.Append("l", []byte("x"), 2), redis.Append("l", []byte("y"), 2), redis.Append("l", []byte("z"), 2),
		redis.SetAdd("m", "p", "q"), redis.SetRemove("m", "p"),
		redis.Score("z", "one", 1.5), redis.Score("z", "two", 2), redis.ScoreRemove("z", "two"),
		redis.Entry("x", 0, "field", "value"), redis.Entry("x", 100, "field", "other"),
		redis.Command("APPEND", "c", "tail"),
		redis.Op{}.And(redis.Add("n", 1)).And(redis.Add("n", 2)).And(redis.Add("n", 4)).And(redis.Op{}),
	))
	if len(refused) != 0 {
		t.Fatalf("refused %v", refused)
	}
	ctx := t.Context()
	for _, got := range []struct{ what, is, want string }{
		{"the string", client.Get(ctx, "s").Val(), "\x00\xff"},
		{"its time to live", server.TTL("s").String(), time.Minute.String()},
		{"the hash", client.HGet(ctx, "h", "b").Val(), "42"},
		{"the fields", strconv.FormatInt(client.HLen(ctx, "h").Val(), 10), "1"},
		{"the list", client.LIndex(ctx, "l", 0).Val() + client.LIndex(ctx, "l", 1).Val() + client.LIndex(ctx, "l", 2).Val(), "yz"},
		{"the set", client.SRandMember(ctx, "m").Val(), "q"},
		{"the score", strconv.FormatFloat(client.ZScore(ctx, "z", "one").Val(), 'g', -1, 64), "1.5"},
		{"the members", strconv.FormatInt(client.ZCard(ctx, "z").Val(), 10), "1"},
		{"the entries", strconv.FormatInt(client.XLen(ctx, "x").Val(), 10), "2"},
		{"the command", client.Get(ctx, "c").Val(), "tail"},
		{"the three together", client.Get(ctx, "n").Val(), "7"},
	} {
		if got.is != got.want {
			t.Errorf("%s is %q, want %q", got.what, got.is, got.want)
		}
	}
}

func TestAnOlderVersionIsLeftOut(t *testing.T) {
	_, _, client := fake(t)
	s := session(t, client)
	set := func(value string, version int64) redis.Op { return redis.Set("k", []byte(value)).NotOlderThan(version) }
	write(t, s, batch(1, set("new", 20), set("old", 10), redis.Set("other", []byte("x"))))
	write(t, s, batch(2, redis.Delete("k").NotOlderThan(30), set("older than the tombstone", 25)))
	if n := client.Exists(t.Context(), "k", "other").Val(); n != 1 {
		t.Errorf("%d keys are there, want only the one without a version", n)
	}
}

func TestACommandTooLongForAScriptIsRefusedAlone(t *testing.T) {
	server, _, _ := fake(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr(), ReadTimeout: time.Minute})
	defer func() { _ = client.Close() }()
	var members []string
	for i := range 5000 {
		members = append(members, strconv.Itoa(i))
	}
	s := session(t, client)
	refused := write(t, s, batch(1, redis.Add("n", 1), redis.SetAdd("set", members...), redis.Add("n", 1), redis.SetAdd("set", members[:3000]...)))
	if len(refused) != 1 || refused[0].Item != 1 {
		t.Fatalf("refused %v, want item 1", refused)
	}
	if n, _ := server.Get("n"); n != "2" {
		t.Errorf("the counter is %s, want 2", n)
	}
}

func TestABatchOfAnySizeIsApplied(t *testing.T) {
	server, _, _ := fake(t)
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr(), ReadTimeout: time.Minute}) // the fake takes its time
	defer func() { _ = client.Close() }()
	var ops []redis.Op
	for range 50_000 {
		ops = append(ops, redis.Add("n", 1))
	}
	write(t, session(t, client), batch(1, ops...))
	if n, _ := server.Get("n"); n != "50000" {
		t.Errorf("the counter is %s, want 50000", n)
	}
}

func TestKeysAndPositionShareASlotWhenTagged(t *testing.T) {
	server, _, client := fake(t)
	write(t, session(t, client, redis.Tagged()), batch(1, redis.Set("a", nil).TTL(time.Hour), redis.Delete("gone").And(redis.Add("{b}", 1)), redis.Set("c", nil).NotOlderThan(7)))
	keys := server.Keys()
	if len(keys) != 5 {
		t.Fatalf("keys %q, want three of data, the position and the versions", keys)
	}
	for _, k := range keys {
		if slot(k) != slot("{app/sink:3}") {
			t.Errorf("key %q is in another slot than {app/sink:3}", k)
		}
	}
}

// slot is that of a key in a cluster, as its specification says.
func slot(key string) uint16 {
	for i := range key {
		if key[i] != '{' {
			continue
		}
		for j := i + 1; j < len(key); j++ {
			if key[j] == '}' && j > i+1 {
				return crc16(key[i+1:j]) % 16384
			}
		}
		break
	}
	return crc16(key) % 16384
}

func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

func TestTheTestsSlotsAreThoseOfTheSpecification(t *testing.T) {
	if got := crc16("123456789"); got != 0x31C3 {
		t.Errorf("the checksum is %#x, want 0x31c3", got)
	}
}

func TestClientsOfManyServersNeedTags(t *testing.T) {
	cluster := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	ring := goredis.NewRing(&goredis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { _, _ = cluster.Close(), ring.Close() })
	for _, client := range []goredis.UniversalClient{cluster, ring} {
		if _, err := redis.NewTarget(client).Open(t.Context(), connectors.Task{}); err == nil {
			t.Errorf("%T is opened without Tagged", client)
		}
		if _, err := redis.NewTarget(client, redis.Tagged()).Open(t.Context(), connectors.Task{}); err != nil {
			t.Errorf("%T with Tagged: %v", client, err)
		}
	}
	if _, err := redis.NewTarget(nil).Open(t.Context(), connectors.Task{}); err == nil {
		t.Error("a target without a client is opened")
	}
}

func TestAnswersThatPassAreToldFromFaults(t *testing.T) {
	for _, test := range []struct {
		answer string
		passes bool
	}{
		{"LOADING Redis is loading the dataset in memory", true},
		{"MOVED 3999 127.0.0.1:6381", true},
		{"READONLY You can't write against a read only replica.", true},
		{"OOM command not allowed when used memory > 'maxmemory'.", true},
		{"CLUSTERDOWN Hash slot not served", true},
		{"NOREPLICAS Not enough good replicas to write.", true},
		{"MISCONF Redis is configured to save RDB snapshots", true},
		{"WRONGPASS invalid username-password pair or user is disabled.", false},
		{"NOPERM this user has no permissions to run the 'evalsha' command", false},
		{"NOAUTH Authentication required.", false},
		{"ERR unknown command", false},
	} {
		t.Run(test.answer, func(t *testing.T) {
			server, _, client := fake(t)
			s := session(t, client)
			server.SetError(test.answer)
			_, err := s.Write(t.Context(), batch(1, redis.Add("n", 1)))
			var unavailable *connectors.UnavailableError
			if err == nil || errors.As(err, &unavailable) != test.passes {
				t.Fatalf("the write ended with %v, want one that passes: %v", err, test.passes)
			}
			server.SetError("")
			write(t, s, batch(1, redis.Add("n", 1)))
			if n, _ := server.Get("n"); n != "1" {
				t.Errorf("the counter is %s, want 1", n)
			}
		})
	}
}

func TestADamagedPositionIsReported(t *testing.T) {
	for _, field := range []string{"next:in", "refused"} {
		server, _, client := fake(t)
		write(t, session(t, client), batch(1, redis.Add("n", 1)))
		server.HSet("tidemill:{app/sink:3}", field, "no number")
		s, err := redis.NewTarget(client).Open(t.Context(), connectors.Task{Application: "app", Sink: "sink", Partition: 3})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(t.Context()); err == nil {
			t.Errorf("%s is damaged and nothing is said", field)
		}
	}
}
