package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Report is everything that was measured.
type Report struct {
	Machine    Machine
	Records    int            `json:",omitzero"`
	Throughput []*Line        `json:",omitempty"`
	Latency    []*LatencyLine `json:",omitempty"`
	Restore    []*RestoreLine `json:",omitempty"`
	Sagas      []SagaRun      `json:",omitempty"`
	Bridge     []*BridgeLine  `json:",omitempty"`
	Metrics    []*MetricsLine `json:",omitempty"`
}

// Machine is what the figures depend on.
type Machine struct {
	Cores            int
	System, Go       string
	Broker           string
	Partitions, Runs int
}

func newReport(broker string, o options) *Report {
	r := &Report{Machine: Machine{
		Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Broker: broker, Partitions: partitions, Runs: o.runs,
	}}
	if !o.latency && !o.restore && o.sagas == 0 {
		r.Records = o.records
	}
	return r
}

// save writes the report to a file, if one is named.
func (r *Report) save(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

func (r *Report) markdown() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "%d cores, %s, %s, broker: %s, %d partitions\n\n", m.Cores, m.System, m.Go, m.Broker, m.Partitions)
	for _, t := range r.tables() {
		b.WriteString(t.markdown())
		b.WriteString("\n")
	}
	return b.String()
}

func (r *Report) tables() []table {
	switch {
	case r.Throughput != nil:
		return throughputTables(r)
	case r.Bridge != nil:
		return []table{bridgeTable(r.Bridge)}
	case r.Metrics != nil:
		return []table{metricsTable(r.Metrics, r.Machine.Runs)}
	case r.Sagas != nil:
		return []table{sagaTable(r.Sagas)}
	case r.Latency != nil:
		return []table{latencyTable(r.Latency)}
	default:
		return []table{restoreTable(r.Restore)}
	}
}

// table is one table of the report.
type table struct {
	caption string
	head    []string
	rows    [][]string
	// notes follow the table, one a line.
	notes []string
}

// markdown aligns the columns, so that the source reads well too.
func (t table) markdown() string {
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "| %-*s ", width[i], cell)
		}
		b.WriteString("|\n")
	}
	fmt.Fprintf(&b, "%s\n\n", t.caption)
	line(t.head)
	for _, w := range width {
		fmt.Fprintf(&b, "|%s", strings.Repeat("-", w+2))
	}
	b.WriteString("|\n")
	for _, row := range t.rows {
		line(row)
	}
	if len(t.notes) > 0 {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(t.notes, "\n"))
	}
	return b.String()
}
