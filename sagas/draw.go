package sagas

import (
	"fmt"
	"slices"
	"strings"
)

// Describe draws the choreography as text: each event with those who react to it, and
// what they emit.
func (c Choreography) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "choreography %s\n", c.Name)
	for _, event := range c.Events() {
		b.WriteString("  " + event + c.role(event) + "\n")
		for _, r := range c.reactionsTo(event, nil) {
			fmt.Fprintf(&b, "    %s%s\n", r.service, r.follows())
		}
	}
	return b.String()
}

// role says what is special about an event.
func (c Choreography) role(event string) string {
	switch {
	case slices.Contains(c.Begins, event):
		return ", from outside"
	case slices.Contains(c.Ends, event):
		return ", an end"
	}
	return ""
}

func (r Reaction) follows() string {
	switch {
	case len(r.emits) == 0:
		return ""
	case r.awaited:
		return " -> " + strings.Join(r.emits, " | ")
	}
	return " -> perhaps " + strings.Join(r.emits, " | ")
}

// Mermaid draws the choreography as a Mermaid flowchart: events are rounded, services
// are boxes.
func (c Choreography) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	events := c.Events()
	node := func(event string) string { return fmt.Sprintf("e%d", slices.Index(events, event)) }
	for _, event := range events {
		fmt.Fprintf(&b, "  %s([\"%s\"])\n", node(event), mermaidText(event))
	}
	for i, r := range c.Reactions {
		fmt.Fprintf(&b, "  r%d[\"%s\"]\n  %s --> r%d\n", i, mermaidText(r.service), node(r.event), i)
		arrow := "-.->"
		if r.awaited {
			arrow = "-->"
		}
		for _, event := range r.emits {
			fmt.Fprintf(&b, "  r%d %s %s\n", i, arrow, node(event))
		}
	}
	return b.String()
}

// mermaidText is text that ends no label.
func mermaidText(s string) string {
	return strings.NewReplacer("\"", "#quot;", "\n", " ", "<", "#lt;", ">", "#gt;").Replace(s)
}
