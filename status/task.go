package status

import "time"

// Task is one task of a worker.
type Task struct {
	ID          string `json:"id"`
	Subtopology int    `json:"subtopology"`
	Partition   int32  `json:"partition"`
	State       State  `json:"state"`
	// Since is when it came to the worker.
	Since   time.Time `json:"since,omitzero"`
	Restore *Restore  `json:"restore,omitempty"`
	Inputs  []Input   `json:"inputs"`
	Stores  []Store   `json:"stores,omitempty"`
	// StreamTime is the highest timestamp seen, zero if there was none.
	StreamTime time.Time `json:"streamTime,omitzero"`
	// Processed counts records taken from the inputs, Written those for topics and
	// Logged those for changelogs.
	Processed int64 `json:"processed"`
	Written   int64 `json:"written"`
	Logged    int64 `json:"logged"`
	// Dropped are records that operators did not pass on, by reason.
	Dropped map[string]int64 `json:"dropped,omitempty"`
	// Calls are those of the user's code under way.
	Calls int `json:"calls,omitempty"`
	// Busy is how long the task has been at work.
	Busy time.Duration `json:"busy"`
	// Worked is when it last had something to do.
	Worked time.Time `json:"worked,omitzero"`
	// Stale says that the task did not answer in time: what is said of it is from
	// before, or missing.
	Stale bool `json:"stale,omitempty"`
}

// Lag is how many records of its inputs the task has not taken.
func (t *Task) Lag() (n int64) {
	for _, in := range t.Inputs {
		n += in.Lag()
	}
	return n
}

// Input is one partition that a task reads.
type Input struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Position is the next offset to process, and End where the partition ended when
	// somebody last looked, or -1.
	Position int64 `json:"position"`
	End      int64 `json:"end"`
	// Buffered are records fetched and not processed.
	Buffered int `json:"buffered"`
	// Paused says that fetching waits for the task.
	Paused bool `json:"paused,omitempty"`
	// Time is the highest timestamp of the partition.
	Time time.Time `json:"time,omitzero"`
}

// Lag is how many offsets are between the position and the end.
func (in *Input) Lag() int64 {
	if in.End < 0 || in.Position < 0 {
		return 0
	}
	return max(0, in.End-in.Position)
}

// Store is one store of a task.
type Store struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Hits are look-ups that memory answered, Misses those that the disk did.
	Hits   int64 `json:"hits"`
	Misses int64 `json:"misses"`
	// Entries are in memory, about MemoryBytes large; PinnedBytes of them are not on
	// disk yet.
	Entries     int   `json:"entries"`
	MemoryBytes int64 `json:"memoryBytes"`
	PinnedBytes int64 `json:"pinnedBytes"`
	// DiskBytes is about how much there is on disk, or -1 if that is not known.
	DiskBytes int64 `json:"diskBytes"`
}

// Restore is how far the stores of a task have been built up.
type Restore struct {
	// Done and Total are offsets of all changelogs together. Total grows until all of
	// their ends are known.
	Done  int64     `json:"done"`
	Total int64     `json:"total"`
	Began time.Time `json:"began"`
}

// Portion is how much is done, from 0 to 1.
func (r *Restore) Portion() float64 {
	if r.Total <= 0 {
		return 0
	}
	return min(1, float64(r.Done)/float64(r.Total))
}

// Standby is a task of another worker whose stores the worker keeps a copy of.
type Standby struct {
	ID          string `json:"id"`
	Subtopology int    `json:"subtopology"`
	Partition   int32  `json:"partition"`
	// State is Restoring until each store has once had everything, and Running then.
	State State `json:"state"`
	// Since is when it came to the worker.
	Since  time.Time `json:"since"`
	Stores []Copy    `json:"stores"`
}

// Lag is how many changelog records all of its stores were behind when their changelogs
// were seen last. Markers of transactions count too.
func (s *Standby) Lag() (n int64) {
	for _, c := range s.Stores {
		n += c.Lag()
	}
	return n
}

// Copy is one store of a standby.
type Copy struct {
	Store     string `json:"store"`
	Changelog string `json:"changelog"`
	// Position is the next offset to apply and End where the changelog ended when it was
	// Seen, up to its last stable offset under exactly-once; both -1 if not known.
	Position int64     `json:"position"`
	End      int64     `json:"end"`
	Seen     time.Time `json:"seen,omitzero"`
	// Applied counts the records since it came to the worker.
	Applied int64 `json:"applied"`
}

// Lag is how many offsets are between the position and the end.
func (c *Copy) Lag() int64 {
	if c.End < 0 {
		return 0
	}
	return max(0, c.End-max(0, c.Position))
}
