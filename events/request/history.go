package request

// history remembers how the latest requests ended, to tell late replies from
// duplicates.
type history struct {
	ended map[string]bool
	ring  []string
	next  int
}

// remembered is how many requests are remembered.
const remembered = 1 << 16

func newHistory() history { return history{ended: map[string]bool{}} }

func (h *history) add(id string, answered bool) {
	if len(h.ring) < remembered {
		h.ring = append(h.ring, id)
	} else {
		delete(h.ended, h.ring[h.next])
		h.ring[h.next] = id
		h.next = (h.next + 1) % remembered
	}
	h.ended[id] = answered
}

func (h *history) knows(id string) bool    { _, ok := h.ended[id]; return ok }
func (h *history) answered(id string) bool { return h.ended[id] }
