package cqrs

import (
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Overview is the progress of all versions of a projection, in another topology: what asks
// a model finds out here which version to ask, and what watches a rebuild how far it is.
type Overview struct {
	progress *topology.GlobalTable[string, events.Event]
}

// NewOverview reads the progress that a projection tells, on every worker.
func NewOverview(b *topology.Builder, projection string) *Overview {
	name := projection + "-overview"
	return &Overview{b.GlobalTable[string, events.Event](projection+".progress", topology.StoreName(name), topology.Named(name))}
}

// Store is the store of the overview, for processors to be connected with and then to open
// it by In.
func (o *Overview) Store() topology.StoreRef { return o.progress.Rows() }

// In is the overview as a task sees it.
func (o *Overview) In(t *processors.Task) (*Seen, error) {
	rows, err := o.progress.Rows().In(t)
	return &Seen{rows}, err
}

// Seen is the newest progress of every version in every partition.
type Seen struct {
	rows *state.Reader[string, events.Event]
}

// All is that progress, by version, topic and partition.
func (s *Seen) All() (all []Progress, err error) {
	for row, err := range s.rows.All() {
		if err != nil {
			return nil, err
		}
		p, err := ProgressOf(row.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Active is the version to read from, or 0. See the function Active.
func (s *Seen) Active() (int, error) {
	all, err := s.All()
	return Active(all), err
}

// Behind is how many events a version has to read to be where older ones are.
func (s *Seen) Behind(version int) (int64, error) {
	all, err := s.All()
	return Behind(version, all), err
}
