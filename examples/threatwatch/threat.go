package main

import "time"

// The topics. All keys are text and all values JSON.
const (
	rawTopic    = "threats.raw"           // Threat by target
	highTopic   = "threats.high-priority" // HighPriority by target
	countsTopic = "threats.counts"        // Count by type
	alertsTopic = "threats.alerts"        // Alert by type
)

// Threat is one event. Its record has the target as the key, so that the events
// of one target stay in order, and At as the timestamp.
type Threat struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Target   string    `json:"target"`
	Priority int       `json:"priority"` // 1 to 10, the most urgent
	Source   string    `json:"source"`
	At       time.Time `json:"at"`
}

// HighPriority is a threat that somebody has to look at, with what is known
// about it.
type HighPriority struct {
	Threat
	Severity   string    `json:"severity"`
	KnownBad   bool      `json:"knownBad"` // the source has attacked before
	ReceivedAt time.Time `json:"receivedAt"`
}

// Count is the number of events of one type in one minute, when that is over.
type Count struct {
	Type   string    `json:"type"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Events int64     `json:"events"`
}

// Alert is a Count above the threshold.
type Alert struct {
	Count
	Threshold int64 `json:"threshold"`
}

// highPriority is the lowest priority that somebody has to look at.
const highPriority = 8

// knownBad are the sources that have attacked before.
var knownBad = map[string]bool{"203.0.113.7": true, "203.0.113.66": true, "198.51.100.23": true}

// enrich adds what is known about a threat.
func enrich(t Threat, now time.Time) HighPriority {
	severity := "high"
	if t.Priority >= 10 || t.Priority == 9 && knownBad[t.Source] {
		severity = "critical"
	}
	return HighPriority{Threat: t, Severity: severity, KnownBad: knownBad[t.Source], ReceivedAt: now}
}
