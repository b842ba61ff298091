package bridge_test

import (
	"log/slog"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors/redis/bridge"
)

const valid = `
application: threats
kafka: {brokers: [localhost:9092], tls: true, sasl: {mechanism: scram-sha-256, user: me, password: "${BRIDGE_TEST}"}}
redis: {url: "rediss://user:${BRIDGE_TEST}@localhost:6379/2"}
dead_letter: dead
on_loss: rebuild
exactly_once: true
routes:
  - {topic: alerts, to: channel, key: "alerts:{key}"}
  - {topic: alerts, to: stream, key: "{topic}", keep: 1000, fields: {z: "{header:type}", a: "{value}"}}
  - {topic: cases, to: string, key: "case:{key}", ttl: 24h, newest: true, batch: 10}
  - {topic: cases, to: hash, key: cases, field: "{key}"}
  - {topic: cases, to: list, key: "{{log}}", keep: 5, from_latest: false}
  - {name: seen, topic: cases, to: set, key: seen, field: "{key}"}
`

func TestAFileIsRead(t *testing.T) {
	t.Setenv("BRIDGE_TEST", "se:cret")
	c, err := bridge.Parse(strings.NewReader(strings.Replace(valid, "user:${BRIDGE_TEST}@", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Kafka.SASL.Password != "se:cret" {
		t.Errorf("the password is %q, want that of the environment", c.Kafka.SASL.Password)
	}
	if r := c.Routes[1]; r.Name != "alerts-stream" || r.Batch != 1000 || len(r.Fields) != 2 || r.Fields[0].Name != "z" {
		t.Errorf("the route is %+v, want its defaults and its fields in order", r)
	}
	if r := c.Routes[5]; r.Name != "seen" {
		t.Errorf("the route is named %q, want seen", r.Name)
	}
}

func TestEveryFaultOfAFileHasALine(t *testing.T) {
	t.Setenv("BRIDGE_TEST", "x")
	for _, test := range []struct{ name, old, fresh, want string }{
		{"nothing", valid, "", "the file is empty"},
		{"no YAML", "routes:", "routes: [", "line"},
		{"an unknown field", "dead_letter:", "dead_leter:", "line 5: there is no field dead_leter"},
		{"an unknown field of a route", "keep: 1000", "kep: 1000", "there is no field kep"},
		{"a number that is none", "keep: 1000", "keep: many", "cannot unmarshal !!str `many` into int"},
		{"no duration", "ttl: 24h", "ttl: 1 day", "1 day"},
		{"fields that are a list", `fields: {z: "{header:type}", a: "{value}"}`, "fields: [a]", "fields are written as name: value"},
		{"a variable that is not set", "${BRIDGE_TEST}@", "${BRIDGE_TEST_NONE}@", "redis.url: the environment has no BRIDGE_TEST_NONE"},
		{"no application", "application: threats", "application:", "application: is missing"},
		{"no brokers", "brokers: [localhost:9092]", "brokers: []", "kafka.brokers: is missing"},
		{"a broker without a port", "localhost:9092", "localhost", `kafka.brokers: "localhost" has no port`},
		{"an unknown mechanism", "scram-sha-256", "kerberos", `kafka.sasl.mechanism: "kerberos"`},
		{"an authority without TLS", "tls: true", "ca: ca.pem", "kafka.tls: is to be true for ca, cert and key"},
		{"no such authority", "tls: true", "tls: true, ca: none.pem", "kafka.ca: open none.pem: no such file"},
		{"no authority in the file", "tls: true", "tls: true, ca: config_test.go", "kafka.ca: config_test.go has no certificate in PEM"},
		{"a certificate without a key", "tls: true", "tls: true, cert: none.pem", "kafka.cert and kafka.key: open none.pem"},
		{"an authority of a plain Redis", `rediss://user:${BRIDGE_TEST}@localhost:6379/2"`, `redis://localhost:6379/2", ca: ca.pem`, "redis.url: is to begin with rediss://"},
		{"no such authority of Redis", `/2"}`, `/2", ca: none.pem}`, "redis.ca: open none.pem: no such file"},
		{"no user", "user: me", `user: ""`, "kafka.sasl.user: is missing"},
		{"no URL", `{url: "rediss://user:${BRIDGE_TEST}@localhost:6379/2"}`, "{}", "redis.url: is missing"},
		{"a URL of something else", "rediss://", "http://", "redis.url: invalid URL scheme: http"},
		{"an unknown mode", `/2"}`, `/2", mode: ring}`, `redis.mode: "ring"`},
		{"sentinels without a master", `/2"}`, `/2", mode: sentinel}`, "add ?master_name=NAME"},
		{"an unknown loss", "on_loss: rebuild", "on_loss: ignore", `on_loss: "ignore"`},
		{"no routes", valid[strings.Index(valid, "routes:"):], "", "routes: there are none"},
		{"no topic", "{topic: alerts, to: channel", "{to: channel", "routes[0].topic: is missing"},
		{"the dead letters' topic", "{topic: alerts, to: channel", "{topic: dead, to: channel", "is the topic for dead letters"},
		{"an unknown kind", "to: channel", "to: queue", `routes[0].to: "queue": choose channel`},
		{"no key", `, key: "alerts:{key}"`, "", "routes[0].key: is missing"},
		{"no field", `key: cases, field: "{key}"`, "key: cases", "routes[3].field: is missing"},
		{"a field where there is none", "keep: 5", "keep: 5, field: x", "routes[4].field: is for hash and set"},
		{"fields where there are none", "keep: 5", "fields: {a: b}", "routes[4].fields: are for stream"},
		{"no fields", `fields: {z: "{header:type}", a: "{value}"}`, "fields: {}", "routes[1].fields: are none"},
		{"a value where there is none", "keep: 1000", "value: x", "routes[1].value: is not for stream and set"},
		{"a negative keep", "keep: 5", "keep: -5", "routes[4].keep: -5"},
		{"keep where nothing is kept", `field: "{key}"}` + "\n  - {topic: cases, to: list", `field: "{key}", keep: 1}` + "\n  - {topic: cases, to: list", "routes[3].keep: is for stream and list"},
		{"a negative TTL", "ttl: 24h", "ttl: -1h", "routes[2].ttl: -1h0m0s"},
		{"a channel that expires", `"alerts:{key}"`, `"alerts:{key}", ttl: 1h`, "routes[0].ttl: a channel keeps nothing"},
		{"versions of lists", "keep: 5", "newest: true", "routes[4].newest: is for string"},
		{"a negative batch", "batch: 10", "batch: -1", "routes[2].batch: -1"},
		{"two of one name", "name: seen", "name: cases-list", `routes[5].name: "cases-list" is that of routes[4] too`},
		{"two beginnings", "from_latest: false", "from_latest: true", "routes[4].from_latest: is to be the same"},
		{"an unknown name", "case:{key}", "case:{id}", "routes[2].key: there is no {id}"},
		{"a header without a name", "{header:type}", "{header:}", "routes[1].fields.z: there is no {header:}"},
		{"a brace that is not closed", "case:{key}", "case:{key", "routes[2].key: \"case:{key\" has a { without a }"},
		{"a brace that is not opened", "case:{key}", "case:key}", "has a } without a {"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(valid, test.old) {
				t.Fatalf("the file has no %q", test.old)
			}
			_, err := bridge.Parse(strings.NewReader(strings.Replace(valid, test.old, test.fresh, 1)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the fault is %v, want %q", err, test.want)
			}
			if strings.Count(err.Error(), "\n") > 1 || strings.Contains(err.Error(), "bridge.") {
				t.Errorf("the fault is %q, want one line in the words of the file", err)
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, err := bridge.Parse(strings.NewReader("routes: [{to: queue}]"))
	for _, want := range []string{"application:", "kafka.brokers:", "redis.url:", "routes[0].topic:", "routes[0].to:", "routes[0].key:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the faults are %v, want %s among them", err, want)
		}
	}
}

func TestAFileThatIsNotThereIsReported(t *testing.T) {
	if _, err := bridge.Load(t.TempDir() + "/none.yaml"); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("the fault is %v, want the name of the file in it", err)
	}
}

func TestAURLThatCannotBeReadIsNotQuoted(t *testing.T) {
	t.Setenv("BRIDGE_TEST", "x")
	for _, mode := range []string{"single", "cluster", "sentinel"} {
		for _, address := range []string{"redis://user:se/cret@localhost:6379", "redis://user:se cret@localhost:6379", "redis://user:se%cret@localhost:6379"} {
			_, err := bridge.Parse(strings.NewReader(strings.NewReplacer("rediss://user:${BRIDGE_TEST}@localhost:6379/2\"", address+"\", mode: "+mode).Replace(valid)))
			if err == nil || !strings.Contains(err.Error(), "redis.url: cannot be read") {
				t.Errorf("%s, %s: %v, want that it cannot be read", mode, address, err)
				continue
			}
			if strings.Contains(err.Error(), "se/") || strings.Contains(err.Error(), "cret") {
				t.Errorf("the password is in %q", err)
			}
		}
	}
}

func TestTheClientsLibraryLogsWhereItIsTold(t *testing.T) {
	var said strings.Builder
	bridge.LogClient(slog.New(slog.NewTextHandler(&said, nil)))
	t.Cleanup(func() { bridge.LogClient(slog.New(slog.DiscardHandler)) })
	goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: "none", SentinelAddrs: []string{"127.0.0.1:1"}, MaxRetries: -1}).Ping(t.Context())
	if !strings.Contains(said.String(), "level=WARN") || !strings.Contains(said.String(), "127.0.0.1:1") {
		t.Errorf("the log is %q, want what the library says of the sentinel", said.String())
	}
}
