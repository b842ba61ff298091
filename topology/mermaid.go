package topology

import (
	"fmt"
	"strings"
)

// Mermaid draws the plan as a Mermaid flowchart: a box for each subtopology, with
// its operators as rectangles and its stores as cylinders, and topics as
// parallelograms between them. Internal topics are without the application's
// prefix.
func (p *Plan) Mermaid() string {
	m := mermaid{topics: map[string]string{}}
	m.line("flowchart TD")
	for _, sub := range p.Subtopologies {
		m.subtopology(sub)
	}
	for _, topic := range m.order {
		m.line("  %s[/%s/]", m.topics[topic], mermaidLabel(topic))
	}
	for _, edge := range m.edges {
		m.line("  %s", edge)
	}
	return m.out.String()
}

type mermaid struct {
	out    strings.Builder
	edges  []string
	topics map[string]string // identifiers by name
	order  []string
}

func (m *mermaid) line(format string, args ...any) {
	fmt.Fprintf(&m.out, format+"\n", args...)
}

func (m *mermaid) edge(format string, args ...any) {
	m.edges = append(m.edges, fmt.Sprintf(format, args...))
}

func (m *mermaid) topic(name string) string {
	if m.topics[name] == "" {
		m.topics[name] = fmt.Sprintf("topic%d", len(m.topics))
		m.order = append(m.order, name)
	}
	return m.topics[name]
}

func (m *mermaid) subtopology(sub *Subtopology) {
	title := ""
	if sub.Global {
		title = ", global"
	}
	m.line("  subgraph sub%d[\"Sub-topology %d%s\"]", sub.ID, sub.ID, title)
	stores := map[string]string{}
	for i, store := range sub.Stores {
		stores[store.Name] = fmt.Sprintf("store%d_%d", sub.ID, i)
		m.line("    %s[(%s)]", stores[store.Name], mermaidLabel(store.Name))
	}
	for _, n := range sub.nodes {
		m.line("    node%d[%s]", n.id, mermaidLabel(n.name))
		for _, topic := range n.reads() {
			m.edge("%s --> node%d", m.topic(topic), n.id)
		}
		for _, child := range n.children {
			m.edge("node%d --> node%d", n.id, child.id)
		}
		for _, store := range n.stores {
			m.edge("node%d -.- %s", n.id, stores[store])
		}
		if n.sink != nil {
			m.edge("node%d --> %s", n.id, m.topic(n.sink.writes()))
		}
	}
	m.line("  end")
}

// reads are the topics of a source node, or its pattern, as they are shown.
func (n *node) reads() []string {
	switch {
	case n.source == nil:
		return nil
	case n.source.repartition != nil:
		return []string{n.source.repartition.name}
	case n.source.pattern != nil:
		return []string{n.source.expression}
	default:
		return n.source.topics
	}
}

// writes is the topic of a sink as it is shown.
func (s *sinkTopic) writes() string {
	switch {
	case s.repartition != nil:
		return s.repartition.name
	case s.dynamic:
		return "(chosen for each record)"
	default:
		return s.topic
	}
}

// mermaidLabel quotes a label. What has a meaning in Mermaid or in HTML is written
// as Mermaid's entity codes.
func mermaidLabel(text string) string {
	return `"` + mermaidEscapes.Replace(text) + `"`
}

var mermaidEscapes = strings.NewReplacer(
	"#", "#35;", `"`, "#quot;", "&", "#amp;", "<", "#lt;", ">", "#gt;", "`", "#96;", `\`, "#92;", "\r", " ", "\n", " ",
)
