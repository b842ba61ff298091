package cep_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// is accepts the events that begin with a letter.
func is(letter string) func(string) bool {
	return func(event string) bool { return strings.HasPrefix(event, letter) }
}

// line is a match as a text.
func line(m cep.Match[string]) string {
	var all []string
	for _, s := range m.Stages {
		all = append(all, s.Events...)
	}
	return strings.Join(all, " ")
}

// build is a topology that finds a pattern in events and writes its matches, and the
// partial ones that ran out of time, as texts.
func build(p cep.Pattern[string], options ...cep.Option) *topology.Builder {
	b := topology.New("cep")
	matches, timedOut := cep.DetectTimedOut(b.Stream[string, string]("events"), p, append(options, topology.Named("look"))...)
	matches.MapValues(line).To("matches")
	timedOut.MapValues(line).To("timed-out")
	return b
}

// both is what a topology has written, as key=match@time.
func both(d *topologytest.Driver) string {
	var out []string
	for _, topic := range []string{"matches", "timed-out"} {
		for _, r := range d.Output[string, string](topic).All() {
			out = append(out, fmt.Sprint(r))
		}
		out = append(out, "|")
	}
	return strings.Join(out, " ")
}

var ab = cep.Begin[string]("a").Where(is("a")).FollowedBy("b").Where(is("b")).Within(10 * time.Second)

func TestMatchesAreFoundPerKey(t *testing.T) {
	d := topologytest.New(t, build(ab))
	in := d.Input[string, string]("events")
	for i, e := range []string{"k:a1", "j:a2", "k:c3", "k:b4", "j:c5", "j:b6"} {
		key, event, _ := strings.Cut(e, ":")
		in.Send(key, event, 1000*i)
	}
	if got, want := both(d), "k=a1 b4@3000 j=a2 b6@5000 | |"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
