package runtime

import (
	"sync"
	"time"

	"github.com/tidemill/tidemill/record"
)

// Of records that fail alike, this many are logged in each period.
const (
	repeatLimit  = 10
	repeatPeriod = 10 * time.Second
)

// repeated is what failures have in common that count as repeats of each other.
type repeated struct {
	node   string
	stage  record.Stage
	action string
}

// repeats bounds how often the same is logged. The zero repeats is ready.
type repeats struct {
	mu   sync.Mutex
	seen map[repeated]*spell
}

// spell is one period of repeats.
type spell struct {
	began           time.Time
	logged, skipped int
}

// next says whether a failure is to be logged, and how many like it have not been since
// the last one was.
func (r *repeats) next(what repeated, now time.Time) (skipped int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[repeated]*spell{}
	}
	s := r.seen[what]
	if s == nil {
		s = &spell{began: now}
		r.seen[what] = s
	}
	if now.Sub(s.began) >= repeatPeriod {
		s.began, s.logged = now, 0
	}
	if s.logged == repeatLimit {
		s.skipped++
		return 0, false
	}
	s.logged++
	skipped, s.skipped = s.skipped, 0
	return skipped, true
}
