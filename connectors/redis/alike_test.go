package redis_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors/redis"
)

// randomOps are some of one shape on one key. They are refused if the key is of another
// type: "list" is a list, "set" a set and so on.
func randomOps(random *rand.Rand) (ops []redis.Op) {
	key, shape := []string{"list", "set", "hash", "stream", "number"}[random.IntN(5)], random.IntN(9)
	for range 1 + random.IntN(6) {
		ops = append(ops, randomOp(random, shape, key))
	}
	return ops
}

func randomOp(random *rand.Rand, shape int, key string) redis.Op {
	text := strconv.Itoa(random.IntN(20))
	var o redis.Op
	switch shape {
	case 0:
		o = redis.Append(key, []byte(text), 0)
	case 1:
		o = redis.Append(key, []byte(text), 5)
	case 2:
		o = redis.SetAdd(key, text, "also "+text)
	case 3:
		o = redis.SetRemove(key, text)
	case 4:
		o = redis.HashSet(key, text, "1")
	case 5:
		o = redis.Command("HSET", key, text) // an argument is missing
	case 6:
		o = redis.HashDelete(key, text)
	case 7:
		o = redis.Add(key, 1).And(redis.Entry("stream", 0, "n", text))
	case 8:
		o = redis.Entry(key, 0, "n", text)
	}
	if random.IntN(20) == 0 {
		o = o.NotOlderThan(random.Int64N(10))
	}
	return o
}

// contents are what the keys of random ops hold.
func contents(t *testing.T, client *goredis.Client) string {
	t.Helper()
	ctx := t.Context()
	entries, err := client.XRange(ctx, "stream", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	stream := make([]string, len(entries))
	for i, e := range entries {
		stream[i] = fmt.Sprint(e.Values["n"])
	}
	set := client.SMembers(ctx, "set").Val()
	slices.Sort(set)
	return fmt.Sprintf("list %q\nset %q\nhash %q\nstream %q\nnumber %q\n", client.LRange(ctx, "list", 0, -1).Val(),
		set, client.HGetAll(ctx, "hash").Val(), strings.Join(stream, " "), client.Get(ctx, "number").Val())
}

func TestOpsThatAreSentTogetherDoWhatEachDoesAlone(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 8 {
		var ops []redis.Op
		for len(ops) < 200 {
			ops = append(ops, randomOps(random)...)
		}
		var held, refused [2]string
		for way, size := range []int{1, len(ops)} {
			_, _, client := fake(t)
			for _, err := range []error{
				client.RPush(t.Context(), "list", "first").Err(), client.SAdd(t.Context(), "set", "first").Err(),
				client.HSet(t.Context(), "hash", "first", "1").Err(), client.Set(t.Context(), "number", 1, 0).Err(),
				client.XAdd(t.Context(), &goredis.XAddArgs{Stream: "stream", Values: []string{"n", "first"}}).Err(),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			s := session(t, client)
			for i := 0; i < len(ops); i += size {
				for _, r := range write(t, s, batch(int64(i+1), ops[i:i+size]...)) {
					refused[way] += fmt.Sprintln(i+r.Item, r.Err)
				}
			}
			held[way] = contents(t, client)
		}
		if held[0] != held[1] {
			t.Fatalf("one by one:\n%s\ntogether:\n%s", held[0], held[1])
		}
		if refused[0] != refused[1] {
			t.Fatalf("refused one by one:\n%s\ntogether:\n%s", refused[0], refused[1])
		}
	}
}

func TestOneCommandForSeveralOpsIsNotTooLongForAScript(t *testing.T) {
	server, _, client := fake(t)
	ops := make([]redis.Op, 4500)
	for i := range ops {
		ops[i] = redis.HashSet("h", strconv.Itoa(i), "x")
	}
	if refused := write(t, session(t, client), batch(1, ops...)); len(refused) > 0 {
		t.Fatalf("refused %v", refused)
	}
	if keys, err := server.HKeys("h"); len(keys) != len(ops) || err != nil {
		t.Errorf("the hash has %d fields, %v, want %d", len(keys), err, len(ops))
	}
}
