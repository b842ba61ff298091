// Package events lets programs tell each other what has happened: events in a typed
// envelope on topics, published and subscribed to by topologies, and so exactly once
// if their workers run so.
//
//	detected := threats.MapValues(func(t Threat) events.Event {
//		return events.New("threat.detected", t).Of("threat", t.ID)
//	})
//	events.Publish(detected, "threats.events")
//
//	events.Read(b, "threats.*").
//		Subscribe("alerts").
//		On("threat.detected", func(ctx context.Context, e events.Received[Threat]) error { … })
//
// On the wire an event is plain JSON, or a CloudEvent 1.0 in binary or structured
// mode; who reads takes all three. Old versions of payloads are brought up to date by
// the chains of package upcast before anyone sees them. Trace context travels in the
// envelope and as W3C headers.
//
// An application is a group of subscribers of its own: two applications that read a
// topic both see all of its events.
//
// Adopt takes in what other systems say: an anti-corruption layer. Changes tells the
// state of entities, and Replica or ReplicaEverywhere keeps it in another program. Handle answers requests,
// which package request sends. Pipelines are parts of a topology that can be stopped
// by name.
package events
