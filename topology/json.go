package topology

import "encoding/json"

// JSON describes the plan in a form for programs. Nodes come in the order in which
// they were added, and so does everything else, so that the same topology always
// gives the same text. Topics have their full names.
func (p *Plan) JSON() ([]byte, error) {
	out := planJSON{Application: p.Application, Subtopologies: []subtopologyJSON{}}
	for _, sub := range p.Subtopologies {
		one := subtopologyJSON{ID: sub.ID, Nodes: []nodeJSON{}, Stores: []storeJSON{}}
		for _, n := range sub.nodes {
			one.Nodes = append(one.Nodes, p.nodeJSON(n))
		}
		for _, s := range sub.Stores {
			kind := "key-value"
			switch {
			case s.Windowed:
				kind = "window"
			case s.use.versioned:
				kind = "versioned"
			}
			one.Stores = append(one.Stores, storeJSON{
				Name: s.Name, Kind: kind, Changelog: s.Changelog, RetentionMs: s.Retention.Milliseconds(), Cached: s.Cached,
			})
		}
		out.Subtopologies = append(out.Subtopologies, one)
	}
	return json.MarshalIndent(out, "", "  ")
}

type planJSON struct {
	Application   string            `json:"application"`
	Subtopologies []subtopologyJSON `json:"subtopologies"`
}

type subtopologyJSON struct {
	ID int `json:"id"`
	// Global says that every worker runs it as a whole, without tasks.
	Global bool        `json:"global,omitempty"`
	Nodes  []nodeJSON  `json:"nodes"`
	Stores []storeJSON `json:"stores"`
}

type nodeJSON struct {
	Name string `json:"name"`
	// Kind is source, processor or sink.
	Kind string `json:"kind"`
	// Topics are what a source reads or a sink writes; Pattern is what a source
	// reads by pattern. A sink without a topic chooses one for each record.
	Topics  []string `json:"topics,omitempty"`
	Pattern string   `json:"pattern,omitempty"`
	Stores  []string `json:"stores,omitempty"`
	// To are the names of the nodes behind it.
	To []string `json:"to,omitempty"`
}

type storeJSON struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Changelog   string `json:"changelog,omitempty"`
	RetentionMs int64  `json:"retentionMs,omitempty"`
	Cached      bool   `json:"cached"`
}

func (p *Plan) nodeJSON(n *node) nodeJSON {
	out := nodeJSON{Name: n.name, Kind: "processor", Stores: n.stores}
	for _, child := range n.children {
		out.To = append(out.To, child.name)
	}
	internal := func(t *repartitionTopic) []string { return []string{p.Application + "-" + t.name} }
	switch {
	case n.source != nil:
		out.Kind, out.Topics, out.Pattern = "source", n.source.topics, n.source.expression
		if n.source.repartition != nil {
			out.Topics = internal(n.source.repartition)
		}
	case n.sink != nil:
		out.Kind = "sink"
		if n.sink.repartition != nil {
			out.Topics = internal(n.sink.repartition)
		} else if !n.sink.dynamic {
			out.Topics = []string{n.sink.topic}
		}
	}
	return out
}
