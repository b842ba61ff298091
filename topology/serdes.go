package topology

// Serdes are the serdes that the plan reads a topic with, or else writes it with:
// each a serde.Serde of the type of the keys or values. They are nil for a topic
// that it does neither read nor write by name.
func (p *Plan) Serdes(topic string) (key, value any) {
	for _, sub := range p.Subtopologies {
		for _, source := range sub.Sources {
			if source.Matches(topic) {
				return source.node.source.key, source.node.source.value
			}
		}
	}
	for _, n := range p.nodes {
		if n.sink != nil && n.sink.topic == topic {
			return n.sink.key, n.sink.value
		}
	}
	return nil, nil
}

// ChoosesTopics says whether a sink chooses a topic for each record, so that the
// plan may write to topics that SinkTopics does not name.
func (p *Plan) ChoosesTopics() bool {
	for _, n := range p.nodes {
		if n.sink != nil && n.sink.dynamic {
			return true
		}
	}
	return false
}
