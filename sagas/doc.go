// Package sagas runs long-lived transactions across services over Kafka topics: a
// sequence of steps, each with a compensation that makes it undone, so that what was
// begun is either completed or taken back, whatever fails in between.
//
// # Orchestration
//
// Define says what the steps are, and an Orchestrator runs the sagas of one or more
// definitions in a topology. It has one topic, its inbox: starts, replies
// to commands, signals and the decisions of people are records in it, with the id of
// the saga as their key. Its sagas are rows of a keyed store, their timers are rows of
// another, and what a saga does with an event, the commands that it sends included,
// commits in one transaction with the event.
//
// All logic is in Step, a pure function from an instance and an event to an instance
// and effects. Package sagatest runs it in virtual time.
//
// # Participants
//
// A Participant is the other side in a topology: it does commands once, answers those
// that are repeated, and knows what to do when a compensation overtakes its action.
//
// # Choreography
//
// A Choreography is a set of reactions, each to an event, each emitting others. It is
// declared, so that it can be checked, drawn and watched.
package sagas
