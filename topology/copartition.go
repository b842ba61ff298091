package topology

// Copartitioned lists the groups of topics that need equally many partitions
// because their records are joined in the subtopology.
func (s *Subtopology) Copartitioned() [][]string {
	var out [][]string
	for _, group := range s.plan.copartitioned() {
		if s.plan.subtopologyOf(group[0]) != s {
			continue
		}
		var topics []string
		for _, n := range group {
			topics = append(topics, newSource(s.plan.Application, n).Topics...)
		}
		out = append(out, topics)
	}
	return out
}
