package events

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/record"
)

// AuditType is the type of the events of an audit trail.
const AuditType = "event.audited"

// AuditEntry is the payload of an event of an audit trail: what a subscription did
// with an event.
type AuditEntry struct {
	Subscription string    `json:"subscription"`
	EventID      string    `json:"eventId"`
	Type         string    `json:"type"`
	Version      int       `json:"version"`
	AggregateID  string    `json:"aggregateId,omitzero"`
	EventTime    time.Time `json:"eventTime"`
	Topic        string    `json:"topic"`
	Partition    int32     `json:"partition"`
	Offset       int64     `json:"offset"`
	// Outcome is handled, unknown or undecodable, and Handlers is how many were called.
	Outcome  string `json:"outcome"`
	Handlers int    `json:"handlers"`
}

// audit enters an event in the audit trail, if there is one.
func (p *subscriber) audit(r record.Fixed[string, Event], outcome string, handlers int) error {
	if p.sub.set.audit == "" {
		return nil
	}
	e, at := r.Value, p.c.Source
	entry := New(AuditType, AuditEntry{
		Subscription: p.sub.name, EventID: e.ID, Type: e.Type, Version: e.Version, AggregateID: e.AggregateID, EventTime: e.Time,
		Topic: at.Topic, Partition: at.Partition, Offset: at.Offset, Outcome: outcome, Handlers: handlers,
	}).Of(e.AggregateType, e.AggregateID).CausedBy(e)
	entry.ID = fmt.Sprintf("%s/%s/%s-%d-%d", p.c.Application, p.sub.name, at.Topic, at.Partition, at.Offset)
	entry.Source, entry.Time = p.c.Application, time.UnixMilli(max(p.c.Now, 0)).UTC()
	r.Value = entry.on(audits)
	r.Headers = JSON.headers(entry, nil)
	return p.c.Forward(r)
}
