// Package cqrs separates what changes state from what shows it, on topics: commands
// are validated and decided on by one writer for each aggregate, what they lead to is
// told as events, and projections make read models of those.
//
//	investigations := cqrs.NewAggregate[Investigation]("investigation").
//		Decide("investigation.open", open).
//		Evolve("investigation.opened", opened)
//	investigations.Serve(b, cqrs.Topics{Commands: "commands", Events: "investigations", Replies: "replies"})
//
// A command, the events that it leads to, the state that they lead to and the reply
// are one transaction if the worker runs exactly once. A command that comes twice is
// answered with its first outcome. All errors of a command are reported together, each
// with its field.
//
// A new version of a projection is made beside the old one, and takes over when it has
// caught up; NewOverview shows other topologies how far each is. Pause has a projection
// hold its events on a worker.
//
// A Bus is the same for commands that change no aggregate: validators, a handler,
// replies.
package cqrs
