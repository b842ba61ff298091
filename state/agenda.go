package state

// agenda tells which rows of a store end next, whatever their keys. It has one
// appointment for each key that has rows to come, for the first of them, which may
// have been removed by now.
type agenda struct {
	next map[string]moment // by the name of the key
	heap []appointment
}

// moment is when a row ends. Of those that end together, the one that started first
// comes first.
type moment struct{ end, start int64 }

func (m moment) before(n moment) bool {
	return m.end < n.end || m.end == n.end && m.start < n.start
}

type appointment struct {
	moment
	name string
}

// before orders appointments by their moments, then by the encoded keys.
func (a appointment) before(b appointment) bool {
	if a.moment != b.moment {
		return a.moment.before(b.moment)
	}
	return a.name[lengthBytes:] < b.name[lengthBytes:]
}

// add enters a row, unless an earlier one of its key is entered.
func (g *agenda) add(name string, at moment) {
	if have, ok := g.next[name]; ok && !at.before(have) {
		return
	}
	g.next[name] = at
	g.heap = append(g.heap, appointment{at, name})
	for i := len(g.heap) - 1; i > 0 && g.heap[i].before(g.heap[(i-1)/2]); i = (i - 1) / 2 {
		g.heap[i], g.heap[(i-1)/2] = g.heap[(i-1)/2], g.heap[i]
	}
}

// take removes the first appointment that ends before a time. ok is false if there
// is none.
func (g *agenda) take(before int64) (a appointment, ok bool) {
	for len(g.heap) > 0 && g.heap[0].end < before {
		a = g.pop()
		// A later one of its key was replaced by an earlier one.
		if at, valid := g.next[a.name]; valid && at == a.moment {
			delete(g.next, a.name)
			return a, true
		}
	}
	return appointment{}, false
}

func (g *agenda) pop() appointment {
	h := g.heap
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], appointment{}
	g.heap = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if child >= last || !h[child].before(h[i]) {
			return first
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// TrackEnds has the store keep track of the rows that end at from or later in the
// order of their ends, for TakeEnded. It reads all rows, once.
func (s *spans[K, V]) TrackEnds(from int64) error {
	s.agenda = &agenda{next: map[string]moment{}}
	var fault error
	err := s.core.space.backend.Scan(s.core.space.prefix[:], s.core.space.end(), false, func(key, _ []byte) bool {
		row := string(key[spacePrefix:])
		if fault = checkRow(row); fault != nil {
			return false
		}
		if name, start, end, hidden := splitRow(row); !hidden && end >= from {
			s.agenda.add(name, moment{end, start})
		}
		return true
	})
	if err != nil {
		return &BackendError{Err: err}
	}
	return fault
}

// TakeEnded returns the next row that ends before a time, in the order of their
// ends, then starts, then encoded keys, and nil if there is none. Each row is
// returned once, expired or not.
func (s *spans[K, V]) TakeEnded(before int64) (*Entry[Span[K], V], error) {
	for {
		a, ok := s.agenda.take(before)
		if !ok {
			return nil, nil
		}
		c, err := s.chainNamed(a.name, a.end)
		if err != nil {
			return nil, err
		}
		i, exact := c.place(Span[K]{End: a.end, Start: a.start})
		exact = exact && c.rows[i].present
		if exact {
			i++
		}
		for _, e := range c.rows[i:] {
			if e.present && !e.typed.hidden {
				s.agenda.add(a.name, moment{e.typed.End, e.typed.Start})
				break
			}
		}
		if exact {
			return c.rows[i-1], nil
		}
	}
}
