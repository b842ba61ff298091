package main

import (
	"encoding/json"
	"errors"
	"io"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
)

// The kinds of reports.
const (
	runningReport  = "running"
	restoredReport = "restored"
	finishedReport = "finished"
	scrapedReport  = "scraped"
)

// usage is what a process has used so far.
type usage struct {
	CPU     time.Duration
	PeakRSS int64
	// Allocs is how many objects it has allocated on its heap.
	Allocs uint64
	At     time.Time
	// LastRead is when it last received records of its input.
	LastRead time.Time
}

// report is a line that a worker writes to its standard output.
type report struct {
	Kind string
	usage
	// Records is how many were restored, and Took how long that took.
	Records int64         `json:",omitzero"`
	Took    time.Duration `json:",omitzero"`
	// Scrape is the CPU time of one collection of metrics.
	Scrape time.Duration `json:",omitzero"`
}

// meter measures a worker process from inside. It is called by the client for
// each batch, never for each record.
type meter struct {
	job
	mu       sync.Mutex
	out      io.Writer
	started  sync.Once
	lastRead time.Time
	profile  *profile
	// scrape collects metrics once; nil if nobody does.
	scrape func() error
	failed error
}

func newMeter(j job, out io.Writer) *meter { return &meter{job: j, out: out} }

// start is called when the worker has its partitions.
func (m *meter) start() {
	m.started.Do(func() {
		var err error
		if m.job.Profile != "" {
			m.profile, err = startProfile(m.job.Profile)
		}
		m.note(err)
		m.tell(report{Kind: runningReport})
	})
}

// finish is called when the work is done.
func (m *meter) finish() error {
	m.tell(report{Kind: finishedReport})
	if m.profile != nil {
		m.note(m.profile.stop())
	}
	if m.scrape != nil {
		cost, err := costOf(m.scrape)
		m.note(err)
		m.tell(report{Kind: scrapedReport, Scrape: cost})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

func (m *meter) note(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = errors.Join(m.failed, err)
}

// observe hears what happens in Tidemill's worker.
func (m *meter) observe(e tidemill.Event) {
	switch e.Kind {
	case tidemill.TaskStarted:
		m.start()
	case tidemill.TaskRestored:
		m.tell(report{Kind: restoredReport, Records: e.Records, Took: e.Took})
	}
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead.
func (m *meter) OnFetchBatchRead(_ kgo.BrokerMetadata, topic string, _ int32, _ kgo.FetchBatchMetrics) {
	if topic != m.Input && topic != m.repartitionTopic() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastRead = time.Now()
}

// tell writes a report with what has been used until now.
func (m *meter) tell(r report) {
	u, err := measureProcess()
	m.note(err)
	m.mu.Lock()
	defer m.mu.Unlock()
	r.usage = u
	r.Allocs, r.At, r.LastRead = allocated(), time.Now(), m.lastRead
	line, err := json.Marshal(r)
	if err == nil {
		_, err = m.out.Write(append(line, '\n'))
	}
	m.failed = errors.Join(m.failed, err)
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
