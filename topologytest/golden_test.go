package topologytest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// families are the topologies of the golden scenarios by their names, a file each.
var families = []map[string]func(b *topology.Builder, g *golden){
	aggregationScenarios,
	cogroupScenarios,
	globalScenarios,
	hoppingScenarios,
	processorScenarios,
	sessionScenarios,
	slidingScenarios,
	statelessScenarios,
	streamJoinScenarios,
	streamTableScenarios,
	suppressScenarios,
	tableScenarios,
	tumblingScenarios,
	versionedScenarios,
	windowedRekeyScenarios,
}

// topologyOf is the topology of a scenario, nil if it has none.
func topologyOf(name string) func(b *topology.Builder, g *golden) {
	for _, family := range families {
		if build := family[name]; build != nil {
			return build
		}
	}
	return nil
}

// golden is one scenario, and what its topology has traced.
type golden struct {
	Name  string
	Types struct {
		Inputs, Outputs map[string]goldenTypes
	}
	Inputs  []goldenInput
	Outputs map[string][]goldenRow
	Traces  map[string][]string
	Stores  map[string]goldenStore

	tracing sync.Mutex
	traced  map[string][]string
}

type goldenTypes struct{ Key, Value, Windowed string }

type goldenInput struct {
	Topic              string
	Key, Value         json.RawMessage
	TS                 int64
	AdvanceWallClockMs int64
}

// goldenRow is an output, or a row of a store.
type goldenRow struct {
	Key, Value json.RawMessage
	Window     *struct{ Start, End int64 }
	TS         int64
	Step       int
}

type goldenStore struct {
	Kind, Key, Value string
	Entries          []goldenRow
	Queries          []struct {
		Key, Value json.RawMessage
		AsOf       *int64
		TS         int64
	}
}

// trace notes a side effect.
func (g *golden) trace(name, text string) {
	g.tracing.Lock() // on the engine, tasks run side by side
	defer g.tracing.Unlock()
	if g.traced == nil {
		g.traced = map[string][]string{}
	}
	g.traced[name] = append(g.traced[name], text)
}

func TestGoldenScenariosGiveExactlyWhatKafkaStreamsGives(t *testing.T) {
	builds := map[string]func(*topology.Builder, *golden){}
	for _, family := range families {
		for name, build := range family {
			if builds[name] != nil {
				t.Errorf("scenario %q has two topologies", name)
			}
			builds[name] = build
		}
	}
	for _, g := range readGolden(t) {
		build := builds[g.Name]
		delete(builds, g.Name)
		t.Run(g.Name, func(t *testing.T) {
			if build == nil {
				t.Fatal("no topology for this scenario: write it into the file of its family")
			}
			g.run(t, build)
		})
	}
	for name := range builds {
		t.Errorf("there is no scenario %q", name)
	}
}

func readGolden(t *testing.T) []*golden {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden scenarios:", err)
	}
	var all []*golden
	for _, file := range files {
		g, err := loadGolden(file)
		if err != nil {
			t.Fatal(err)
		}
		if g.Name != strings.TrimSuffix(filepath.Base(file), ".json") {
			t.Fatalf("%s is named %q", file, g.Name)
		}
		all = append(all, g)
	}
	return all
}

func loadGolden(file string) (*golden, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	g := &golden{}
	if err := json.Unmarshal(data, g); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return g, nil
}

func (g *golden) run(t *testing.T, build func(*topology.Builder, *golden), options ...topologytest.Option) {
	b := topology.New("golden")
	build(b, g)
	d := topologytest.New(t, b, options...)
	inputs := map[string]*topologytest.Input[[]byte, []byte]{}
	for topic := range g.Types.Inputs {
		inputs[topic] = d.Input[[]byte, []byte](topic)
	}
	for _, in := range g.Inputs {
		if in.Topic == "" {
			d.Advance(time.Duration(in.AdvanceWallClockMs) * time.Millisecond)
			continue
		}
		types := g.Types.Inputs[in.Topic]
		inputs[in.Topic].Send(encoded(t, types.Key, in.Key), encoded(t, types.Value, in.Value), in.TS)
	}
	for topic, types := range g.Types.Outputs {
		compare(t, "topic "+topic, outputLines(t, d, topic, types), goldenLines(t, types, g.Outputs[topic], lineOfOutput))
	}
	for name, want := range g.Traces {
		compare(t, "trace "+name, g.traced[name], want)
	}
	for name, store := range g.Stores {
		store.compare(t, d, name)
	}
}

// compare reports the first line that differs.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%s, line %d of %d:\n\tgot  %s\n\twant %s", what, i, len(want), g, w)
			return
		}
	}
}
