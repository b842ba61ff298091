package status

import "time"

// Worker is one worker at one moment. Counts are since it started; those of a task
// since the task came to the worker.
type Worker struct {
	Application string `json:"application"`
	// Instance is the id that the worker keeps in its state folder, MemberID the one
	// that the group gave it, empty while it is in no group.
	Instance   string    `json:"instance"`
	MemberID   string    `json:"memberId,omitempty"`
	Generation int32     `json:"generation"`
	At         time.Time `json:"at"`
	Started    time.Time `json:"started"`
	// State is one of the worker states.
	State       State `json:"state"`
	ExactlyOnce bool  `json:"exactlyOnce"`

	Tasks    []Task    `json:"tasks"`
	Standbys []Standby `json:"standbys,omitempty"`
	Globals  []Global  `json:"globals,omitempty"`
	// Nodes are the counts of the topology's nodes over all tasks.
	Nodes       []Node       `json:"nodes"`
	DeadLetters []DeadLetter `json:"deadLetters,omitempty"`

	Rebalances Rebalances `json:"rebalances"`
	Commits    Commits    `json:"commits"`
	Broker     Broker     `json:"broker"`
	Disk       Disk       `json:"disk"`
	Cache      Cache      `json:"cache"`
	// Failures count the records that policies left behind or tried again.
	Failures []Failures `json:"failures,omitempty"`
	// BufferedBytes is what is fetched and not processed yet.
	BufferedBytes int64 `json:"bufferedBytes"`
}

// State is what a worker or a task is doing.
type State string

// The states of a worker. Those of a task are Opening, Restoring, Running, Retrying
// and Stuck.
const (
	// Starting is before the worker has joined its group.
	Starting State = "starting"
	// Joining is in the group, or on the way into it, without an assignment yet.
	Joining State = "joining"
	// Restoring is building up stores from changelogs.
	Restoring State = "restoring"
	Running   State = "running"
	Stopped   State = "stopped"

	// Opening is fetching the offsets of a task.
	Opening State = "opening"
	// Retrying holds a task up with a record that failed, or waits for calls.
	Retrying State = "retrying"
	// Stuck has records and has not taken one for long.
	Stuck State = "stuck"
)

// Rebalances count what the group has done to the worker.
type Rebalances struct {
	Assigned int64 `json:"assigned"`
	Revoked  int64 `json:"revoked"`
	Lost     int64 `json:"lost"`
	// Recoveries are the times that the worker went back to what is committed.
	Recoveries int64     `json:"recoveries"`
	Last       time.Time `json:"last,omitzero"`
}

// Commits tell how committing goes.
type Commits struct {
	Count    int64 `json:"count"`
	Failures int64 `json:"failures"`
	// FailuresInARow are those since the last commit that went well.
	FailuresInARow int64     `json:"failuresInARow"`
	Last           time.Time `json:"last,omitzero"`
	LastError      string    `json:"lastError,omitempty"`
	// Seconds are how long commits took.
	Seconds Histogram `json:"seconds"`
}

// Broker says whether the cluster answers.
type Broker struct {
	Checked time.Time `json:"checked,omitzero"`
	// Down is since when nobody has answered, zero if somebody does.
	Down  time.Time `json:"down,omitzero"`
	Error string    `json:"error,omitempty"`
}

// Disk is the file system of the state folder; zero if state is in memory.
type Disk struct {
	Path string `json:"path,omitempty"`
	// Total is the bytes that are used and those that are free; what is reserved for others is neither.
	Total uint64 `json:"total"`
	Free  uint64 `json:"free"`
}

// Cache is what all stores of the worker hold in memory.
type Cache struct {
	PinnedBytes int64 `json:"pinnedBytes"`
	LimitBytes  int64 `json:"limitBytes"`
}

// DeadLetter is a topic that dead letters go to.
type DeadLetter struct {
	Topic string `json:"topic"`
	// Depth is how many there are that nobody has dealt with, or -1 if that is not
	// known yet.
	Depth int64 `json:"depth"`
	// Written is how many this worker wrote.
	Written int64 `json:"written"`
}

// Failures are records that failed at a stage in a node, by what the policy did.
type Failures struct {
	Node   string `json:"node"`
	Stage  string `json:"stage"`
	Action string `json:"action"`
	Count  int64  `json:"count"`
}

// Node counts what a node of the topology passed on.
type Node struct {
	Name   string `json:"name"`
	Passed int64  `json:"passed"`
}

// Global is a table that is whole in every worker.
type Global struct {
	Topic    string `json:"topic"`
	Restored bool   `json:"restored"`
	// Positions are where it stands, by partition.
	Positions []int64 `json:"positions"`
}

// Member is one worker of the group, as the group's coordinator knows it.
type Member struct {
	ID   string `json:"id"`
	Host string `json:"host"`
	// Address is the admin address that it advertises, if it does.
	Address string   `json:"address,omitempty"`
	Self    bool     `json:"self"`
	Tasks   []string `json:"tasks"`
	// Standbys are the tasks whose stores it is to keep a copy of.
	Standbys []string `json:"standbys,omitempty"`
}
