package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/redis"
)

// read reads until there are messages, and returns their values.
func read(t *testing.T, s connectors.Source) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		messages, err := s.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var values []string
		for _, m := range messages {
			values = append(values, string(m.Key)+"="+string(m.Value))
		}
		if len(values) > 0 {
			return strings.Join(values, " ")
		}
	}
	t.Fatal("no message comes")
	return ""
}

func acknowledge(t *testing.T, s connectors.Source) {
	t.Helper()
	if err := s.Acknowledge(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// enter appends entries to the stream s.
func enter(t *testing.T, client *goredis.Client, values ...string) {
	t.Helper()
	for _, v := range values {
		if err := client.XAdd(t.Context(), &goredis.XAddArgs{Stream: "s", ID: "*", Values: []string{"key", "k", "value", v, "more", "h"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEntriesThatWereNotAcknowledgedComeAgain(t *testing.T) {
	_, _, client := fake(t)
	group := redis.Group{Stream: "s", Name: "g", Consumer: "one", Count: 2}
	enter(t, client, "1", "2", "3")
	s := redis.Entries(client, group, redis.KeyAndValue)
	if got := read(t, s); got != "k=1 k=2" {
		t.Errorf("first came %q, want two, since Count is 2", got)
	}
	acknowledge(t, s)
	if got := read(t, s); got != "k=3" {
		t.Errorf("then came %q, want k=3", got)
	}
	back := redis.Entries(client, group, redis.KeyAndValue) // as after a crash
	if got := read(t, back); got != "k=3" {
		t.Errorf("after a crash came %q, want k=3 again", got)
	}
	acknowledge(t, back)
	enter(t, client, "4")
	if got := read(t, back); got != "k=4" {
		t.Errorf("in the end came %q, want k=4", got)
	}
	acknowledge(t, back)
	if pending := client.XPending(t.Context(), "s", "g").Val(); pending.Count != 0 {
		t.Errorf("%d entries are not acknowledged, want none", pending.Count)
	}
}

func TestEntriesOfAConsumerThatIsGoneGoToAnother(t *testing.T) {
	server, _, client := fake(t)
	enter(t, client, "1", "2")
	gone := redis.Entries(client, redis.Group{Stream: "s", Name: "g", Consumer: "gone"}, redis.KeyAndValue)
	if got := read(t, gone); got != "k=1 k=2" {
		t.Fatalf("came %q", got)
	}
	server.SetTime(time.Now().Add(time.Hour))
	other := redis.Entries(client, redis.Group{Stream: "s", Name: "g", Consumer: "other", Claim: time.Minute}, redis.KeyAndValue)
	if got := read(t, other); got != "k=1 k=2" {
		t.Errorf("came %q, want both", got)
	}
}

func TestALostGroupIsMadeAgain(t *testing.T) {
	_, _, client := fake(t)
	s := redis.Entries(client, redis.Group{Stream: "s", Name: "g", Consumer: "c"}, redis.KeyAndValue)
	enter(t, client, "1")
	read(t, s)
	acknowledge(t, s)
	if err := client.XGroupDestroy(t.Context(), "s", "g").Err(); err != nil {
		t.Fatal(err)
	}
	var unavailable *connectors.UnavailableError
	for tries := 0; ; tries++ { // what this consumer has is looked for first
		_, err := s.Read(t.Context())
		if errors.As(err, &unavailable) {
			break
		}
		if err != nil || tries > 5 {
			t.Fatalf("the read ended with %v, want one that passes", err)
		}
	}
	if got := read(t, s); got != "k=1" {
		t.Errorf("came %q, want the first entry", got)
	}
}

func TestAnEntryHasItsTimeAndItsOtherFields(t *testing.T) {
	_, _, client := fake(t)
	if err := client.XAdd(t.Context(), &goredis.XAddArgs{Stream: "s", ID: "1700000000000-7", Values: []string{"value", "v", "more", "h"}}).Err(); err != nil {
		t.Fatal(err)
	}
	s := redis.Entries(client, redis.Group{Stream: "s", Name: "g", Consumer: "c"}, redis.KeyAndValue)
	var messages []connectors.Message
	var err error
	for len(messages) == 0 && err == nil { // what this consumer has is looked for first
		messages, err = s.Read(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	m := messages[0]
	id, _ := m.Headers.Get("redis.id")
	more, _ := m.Headers.Get("more")
	if m.Key != nil || m.Time.UnixMilli() != 1700000000000 || string(id) != "1700000000000-7" || string(more) != "h" {
		t.Errorf("the message is %+v", m)
	}
}

func TestMessagesOnChannelsAreHeard(t *testing.T) {
	server, _, client := fake(t)
	s := redis.Channels(client, "news.*", "other")
	keys := redis.Keyspace(client, 0, "user:*")
	for _, source := range []connectors.Source{s, keys} { // subscribes, and hears nothing
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if _, err := source.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the read ended with %v", err)
		}
		cancel()
	}
	for i := range 3 {
		server.Publish("news.a", fmt.Sprint(i))
	}
	server.Publish("elsewhere", "x")
	server.Publish("__keyspace@0__:user:7", "set")
	server.Publish("other", "end")
	got := read(t, s)
	for !strings.HasSuffix(got, "end") {
		got += " " + read(t, s)
	}
	if want := "news.a=0 news.a=1 news.a=2 other=end"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if got := read(t, keys); got != "user:7=set" {
		t.Errorf("heard %q of keys, want user:7=set", got)
	}
	for _, source := range []connectors.Source{s, keys} {
		acknowledge(t, source)
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestASourceThatCannotWorkSaysSo(t *testing.T) {
	_, gate, client := fake(t)
	for what, s := range map[string]connectors.Source{
		"no client":   redis.Entries(nil, redis.Group{Stream: "s", Name: "g", Consumer: "c"}, redis.KeyAndValue),
		"no consumer": redis.Entries(client, redis.Group{Stream: "s", Name: "g"}, redis.KeyAndValue),
		"no patterns": redis.Channels(client),
	} {
		var unavailable *connectors.UnavailableError
		if _, err := s.Read(t.Context()); err == nil || errors.As(err, &unavailable) {
			t.Errorf("%s: the read ended with %v, want an error that stays", what, err)
		}
	}
	gate.Shut()
	for what, s := range map[string]connectors.Source{
		"entries":  redis.Entries(client, redis.Group{Stream: "s", Name: "g", Consumer: "c"}, redis.KeyAndValue),
		"channels": redis.Channels(client, "a"),
	} {
		var unavailable *connectors.UnavailableError
		if _, err := s.Read(t.Context()); !errors.As(err, &unavailable) {
			t.Errorf("%s: the read ended with %v, want one that passes", what, err)
		}
	}
}
