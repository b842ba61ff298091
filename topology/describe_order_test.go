package topology

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// The file holds random topologies, each as a list of nodes and as Kafka Streams
// 4.3.1 describes it. They have what the operators do not make so far: nodes with
// many parents, stores that connect nodes, names of all kinds.
func TestDescribeOrdersNodesAsKafkaStreamsDoes(t *testing.T) {
	for name, text := range sections(t, "testdata/order.txt") {
		spec, want, _ := strings.Cut(text, "Topologies:")
		if got := fromSpec(t, spec).Describe(); got != "Topologies:"+want {
			t.Errorf("%s: Describe is\n%s\nwant\n%s", name, got, "Topologies:"+want)
		}
	}
}

// fromSpec makes a plan of lines such as "processor name parent,parent".
func fromSpec(t *testing.T, spec string) *Plan {
	t.Helper()
	b := New("app")
	byName := map[string]*node{}
	all := func(names string) (nodes []*node) {
		for name := range strings.SplitSeq(names, ",") {
			nodes = append(nodes, byName[name])
		}
		return nodes
	}
	for line := range strings.Lines(spec) {
		f := strings.Fields(line)
		switch f[0] {
		case "source":
			byName[f[1]] = b.addNode(&node{name: f[1], source: &source{topics: strings.Split(f[2], ",")}})
		case "processor":
			byName[f[1]] = b.addNode(&node{name: f[1]}, all(f[2])...)
		case "sink":
			byName[f[1]] = b.addNode(&node{name: f[1], sink: &sinkTopic{topic: f[2]}}, all(f[3])...)
		case "store":
			for _, n := range all(f[2]) {
				n.stores = append(n.stores, f[1])
			}
		default:
			t.Fatalf("no such line: %s", line)
		}
	}
	return compile(b)
}

// sections reads a file of named texts, each behind a line "##### name".
func sections(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	name := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		if title, ok := strings.CutPrefix(s.Text(), "##### "); ok {
			name = title
			continue
		}
		out[name] += s.Text() + "\n"
	}
	if len(out) == 0 {
		t.Fatalf("%s holds nothing", path)
	}
	return out
}
