package cep

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/topology"
)

// Option is an option of Detect: one of this package, or topology.Named, StoreName,
// KeySerde, ValueSerde and those for stores with a changelog.
type Option = topology.KeyedOption

// settings are what the options of this package come to.
type settings struct {
	name    string
	sorted  bool
	grace   time.Duration
	maximum int
}

// option is an option of this package.
type option struct {
	topology.ExtraOption
	apply func(*settings)
}

// Grace takes the events of each key in the order of their timestamps: each waits until
// stream time is d ahead of it. One that comes later than that is dropped, and counted
// as late. Without it, events are taken in the order in which they come, and the time of
// each is the stream time at which it came.
func Grace(d time.Duration) Option {
	return option{apply: func(s *settings) { s.sorted, s.grace = true, d }}
}

// defaultPartialMatches is MaxPartialMatches if it is not given.
const defaultPartialMatches = 1000

// MaxPartialMatches is how many partial matches a key may have, 1000 by default. The
// oldest are given up, and counted as too many partial matches.
func MaxPartialMatches(n int) Option {
	return option{apply: func(s *settings) { s.maximum = n }}
}

func settingsOf(options []Option) (settings, error) {
	s := settings{maximum: defaultPartialMatches}
	for _, o := range options {
		switch o := o.(type) {
		case option:
			o.apply(&s)
		case topology.NameOption:
			s.name = string(o)
		}
	}
	return s, s.validate()
}

func (s settings) validate() error {
	switch {
	case s.grace < 0:
		return fmt.Errorf("cep: Grace is %v: give 0 or more", s.grace)
	case s.maximum < 1:
		return fmt.Errorf("cep: MaxPartialMatches is %d: give at least 1", s.maximum)
	}
	return nil
}
