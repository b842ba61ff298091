// Coordinated-attack finds targets that are attacked in three different ways within
// an hour: a pattern of events, whatever else happens in between, and however often
// each kind of attack comes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/topology"
)

// Attack is an event. The key of its record is the target.
type Attack struct {
	Type   string `json:"type"`
	Source string `json:"source"`
}

func (a Attack) kind() string { return a.Type }

// Alert says that attacks on a target belong together.
type Alert struct {
	Types  []string  `json:"types"`
	Events int       `json:"events"`
	Since  time.Time `json:"since"`
}

func build() *topology.Builder {
	coordinated := cep.Begin[Attack]("attacks").
		Distinct(3, Attack.kind).
		Within(time.Hour).
		SkipPastLastEvent() // each attack counts for one alert
	b := topology.New("coordinated-attack")
	matches, timedOut := cep.DetectTimedOut(b.Stream[string, Attack]("attacks"), coordinated, topology.Named("coordinated"))
	matches.
		MapValues(func(m cep.Match[Attack]) Alert {
			return Alert{Types: cep.DistinctOf(m.All("attacks"), Attack.kind), Events: m.Count(), Since: m.Start}
		}).
		To("alerts")
	timedOut.
		MapValues(func(m cep.Match[Attack]) int { return m.Count() }).
		To("harmless")
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	s, err := stage.Open("attacks", "alerts", "harmless")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	const minute = 60
	if err := s.Write(ctx, "attacks",
		stage.Event(0, "bank", Attack{"port scan", "10.0.0.7"}),
		stage.Event(5*minute, "shop", Attack{"port scan", "10.0.0.7"}),
		stage.Event(10*minute, "bank", Attack{"phishing", "mallory@example.org"}),
		stage.Event(20*minute, "bank", Attack{"port scan", "10.0.0.8"}),
		stage.Event(25*minute, "shop", Attack{"phishing", "mallory@example.org"}),
		stage.Event(45*minute, "bank", Attack{"malware", "invoice.exe"}),
		stage.Event(70*minute, "shop", Attack{"malware", "invoice.exe"}), // an hour and 5 minutes after the first
		stage.Event(80*minute, "shop", Attack{"port scan", "10.0.0.9"}),  // but this is the third type in 55 minutes
	); err != nil {
		return err
	}
	return s.Run(ctx, build(), func(ctx context.Context) error {
		alerts, err := s.Read[string, Alert](ctx, "alerts", 2)
		if err != nil {
			return err
		}
		for _, r := range alerts {
			fmt.Fprintf(out, "%s %s: %s in %d attacks since %s\n", r.Time().Format("15:04"), r.Key,
				strings.Join(r.Value.Types, ", "), r.Value.Events, r.Value.Since.Format("15:04"))
		}
		harmless, err := s.Read[string, int](ctx, "harmless", 1)
		for _, r := range harmless {
			fmt.Fprintf(out, "%s %s: nothing came of %d attacks\n", r.Time().Format("15:04"), r.Key, r.Value)
		}
		return err
	})
}
