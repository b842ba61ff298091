//go:build integration

package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/topology"
)

// cepTopology finds reconnaissance, exploitation and exfiltration of the same round,
// within ten seconds, and the rounds that come to nothing. Values are a letter and the
// number of the round.
func cepTopology(j job) *topology.Builder {
	is := func(letter byte) func(string) bool { return func(event string) bool { return event[0] == letter } }
	sameRound := func(event string, so cep.SoFar[string]) bool {
		first, _ := so.Last("recon")
		return event[1:] == first[1:]
	}
	attack := cep.Begin[string]("recon").Where(is('r')).
		FollowedBy("exploit").Where(is('e')).WhereSoFar(sameRound).OneOrMore().Greedy().
		FollowedBy("theft").Where(is('t')).WhereSoFar(sameRound).
		Within(10 * time.Second).
		SkipPastLastEvent()
	b := topology.New(j.Application)
	matches, timedOut := cep.DetectTimedOut(b.Stream[string, string](j.Topics["in"]), attack, topology.Named("attack"))
	round := func(m cep.Match[string]) string { return fmt.Sprintf("%s %d", m.First("recon")[1:], m.Count()) }
	matches.MapValues(round).To(j.Topics["attacks"])
	timedOut.MapValues(round).To(j.Topics["attempts"])
	return b
}

// rounds are the events of some keys in some rounds, a minute from each other. Every
// third round ends without theft.
func rounds(topic string, n, keys int) (events []*kgo.Record) {
	for round := range n {
		for second, letter := range "rxexet" {
			for key := range keys {
				if letter == 't' && (round+key)%3 == 0 {
					continue
				}
				at := time.Unix(int64(60*round+second), 0)
				events = append(events, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", key), Value: fmt.Appendf(nil, "%c%d", letter, round), Timestamp: at})
			}
		}
	}
	return events
}

func TestMatchesAreFoundOnceThroughKills(t *testing.T) {
	const partitions, keys, last, part = 4, 50, 60, 2_500
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "cep", Brokers: f.brokers, ExactlyOnce: true,
		Topics:         map[string]string{"in": f.topic("in", partitions), "attacks": f.topic("attacks", partitions), "attempts": f.topic("attempts", partitions)},
		CommitInterval: 50 * time.Millisecond, SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second,
	}
	c := newChaos(f, j)
	for events := range slices.Chunk(rounds(j.Topics["in"], last, keys), part) { // rounds are cut apart
		f.produce(events...)
		c.between(0, 200*time.Millisecond)
		c.killOne(c.kills % 2)
	}
	for p := range partitions { // the time of each partition goes on, so that the last rounds end
		f.produce(in(p, &kgo.Record{Topic: j.Topics["in"], Key: []byte("end"), Value: []byte("x"), Timestamp: time.Unix(1_000_000, 0)}))
	}
	want := outputs{}
	for round := range last {
		for key := range keys {
			if (round+key)%3 == 0 {
				want.add(fmt.Sprintf("attempt k%d", key), fmt.Sprintf("%d 3", round))
			} else {
				want.add(fmt.Sprintf("attack k%d", key), fmt.Sprintf("%d 4", round))
			}
		}
	}
	var got outputs
	await(t, "all rounds are found", func() bool {
		got = outputs{}
		for _, r := range f.read(j.Topics["attacks"]) {
			got.add("attack "+string(r.Key), string(r.Value))
		}
		for _, r := range f.read(j.Topics["attempts"]) {
			got.add("attempt "+string(r.Key), string(r.Value))
		}
		return got.size() >= want.size()
	})
	c.end()
	if difference := got.difference(want); difference != "" {
		t.Error(difference)
	}
}

// size is how many values there are.
func (o outputs) size() (n int) {
	for _, values := range o {
		n += len(values)
	}
	return n
}
