package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/tidemill/tidemill/record"
)

// disorder is how far an event may lie behind the latest one before it.
const disorder = 5 * time.Second

// kinds are the types of threats and how frequent each is, in per cent.
var kinds = []struct {
	name  string
	share int
}{
	{"phishing", 40}, {"malware", 25}, {"port-scan", 15}, {"brute-force", 10}, {"ddos", 6}, {"exfiltration", 3}, {"zero-day", 1},
}

// generator makes events. The same seed makes the same ones.
type generator struct {
	random *rand.Rand
	prefix string
	made   int
}

// newGenerator makes a generator whose events are named after the start of the
// run, so that those of several runs on one cluster can be told apart.
func newGenerator(seed uint64, start time.Time) *generator {
	return &generator{random: rand.New(rand.NewPCG(seed, 1)), prefix: strconv.FormatInt(start.Unix(), 36)}
}

// next makes an event at a time, or up to disorder before it.
func (g *generator) next(at time.Time) Threat {
	g.made++
	return Threat{
		ID:       fmt.Sprintf("%s-%07d", g.prefix, g.made),
		Type:     g.kind(),
		Target:   fmt.Sprintf("host-%03d", g.random.IntN(200)),
		Priority: 1 + g.random.IntN(10),
		Source:   g.source(),
		At:       at.Add(-time.Duration(g.random.Int64N(int64(disorder)))).Truncate(time.Millisecond),
	}
}

func (g *generator) kind() string {
	at := g.random.IntN(100)
	for _, k := range kinds {
		if at -= k.share; at < 0 {
			return k.name
		}
	}
	return kinds[0].name
}

func (g *generator) source() string {
	if g.random.IntN(20) == 0 {
		return "198.51.100.23"
	}
	return fmt.Sprintf("203.0.113.%d", g.random.IntN(256))
}

// heartbeat begins the types of the events that only say how late it is.
const heartbeat = "heartbeat-"

// heartbeats are events that close all windows which end before at.
//
// A window closes when its task sees a later event: stream time is a matter of
// each task. The tasks that count read the partitions of the repartition topic,
// into which events go by their type; so there has to be one heartbeat for each of
// those partitions, with a type that leads there. An event that is merely late
// enough would close the windows of one partition only, and the last minute of
// the others would stay open until the next event of a type of theirs. The
// partition of a type is the hash of the encoded key, as in every Kafka client.
func heartbeats(partitions int32, at time.Time) []Threat {
	var out []Threat
	reached := map[int32]bool{}
	for i := 0; len(out) < int(partitions); i++ {
		kind := heartbeat + strconv.Itoa(i)
		if p := record.PartitionOf([]byte(kind), partitions); !reached[p] {
			reached[p] = true
			out = append(out, Threat{ID: kind, Type: kind, Target: "clock", Priority: 1, At: at})
		}
	}
	return out
}
