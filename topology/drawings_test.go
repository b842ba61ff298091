package topology_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts under testdata anew")

// drawn are the topologies whose Mermaid and JSON forms are kept in a transcript.
var drawn = map[string]func(b *builder){
	"join":  scenarios["stream-table-leftjoin-named"],
	"split": scenarios["repartition-split"],
	"odd names and stores": func(b *builder) {
		s := b.StreamPattern[string, string](`logs\.<"x"&#1>|y`, named("a \"b\" <c>\n`d`"))
		kept := topology.WindowStore[string, string]("kept", time.Hour, topology.WithoutChangelog())
		s.Process(idle, topology.Stores(kept, kept)).ToChosen(func(record.Record[string, string]) string { return "x" })
		s.GroupByKey().WindowedBy(tumbling).EmitFinal().Count(stored("final")).ToStream().To("out")
	},
}

func TestDrawings(t *testing.T) {
	const path = "testdata/drawings.txt"
	var text strings.Builder
	for _, name := range []string{"join", "split", "odd names and stores"} {
		plan := build(t, drawn[name])
		json, err := plan.JSON()
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("##### " + name + ": mermaid\n" + plan.Mermaid())
		text.WriteString("##### " + name + ": json\n" + string(json) + "\n")
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text.String() != string(want) {
		t.Errorf("the drawings are\n%s\nwhich %s is not; -rewrite writes it anew", text.String(), path)
	}
}

func TestDrawingsNameEveryNodeAndTopic(t *testing.T) {
	for name, scenario := range scenarios {
		plan := build(t, scenario)
		mermaid := plan.Mermaid()
		for line := range strings.Lines(plan.Describe()) {
			kind, rest, found := strings.Cut(strings.TrimSpace(line), ": ")
			if !found || !slices.Contains([]string{"Source", "Processor", "Sink"}, kind) {
				continue
			}
			node, _, _ := strings.Cut(rest, " ")
			if !strings.Contains(mermaid, `["`+node+`"]`) {
				t.Errorf("%s: the drawing lacks %q", name, node)
			}
		}
		for _, topic := range append(plan.ExternalTopics(), plan.SinkTopics()...) {
			if !strings.Contains(mermaid, `[/"`+topic+`"/]`) {
				t.Errorf("%s: the drawing lacks topic %q", name, topic)
			}
		}
	}
}
