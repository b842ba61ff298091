// Package cep finds patterns of events: complex event processing on a stream.
//
//	brute := cep.Begin[Login]("failures").Where(failed).AtLeast(3).Greedy().
//		FollowedBy("success").Where(succeeded).
//		Within(10 * time.Minute).
//		SkipPastLastEvent()
//	cep.Detect(logins, brute).
//		MapValues(func(m cep.Match[Login]) Alert { return Alert{User: m.First("success").User, Tries: m.Count()} }).
//		To("alerts")
//
// A pattern is a sequence of stages. Each takes one event, or several if a quantifier
// says so; the events of a match come in the order of the stages. What may lie between
// two events follows from how a stage is added:
//
//	                      a  c  b1  b2
//	Next("b")             nothing: b has to come right behind a
//	FollowedBy("b")       {a b1}: passes over what is no b
//	FollowedByAny("b")    {a b1} {a b2}: passes over anything
//
// NotNext and NotFollowedBy are stages whose event must not come. A pattern is looked
// for among the events of one key; events of other keys are not seen. Semantics are
// those of Flink CEP; docs/cep.md lists where they differ, and where those of Flink are
// not written down.
//
// # Time
//
// All time is the event time of the records. The events of a key are taken in the order
// in which they come, unless Grace says to sort them. Partial matches end when stream
// time has passed what Within and Gap allow, so a key that falls silent leaves nothing
// behind. A pattern with neither keeps its partial matches until something ends them;
// MaxPartialMatches bounds them.
//
// # State
//
// What is kept of a key is one row of a store with a changelog: the events of its
// partial matches, each once, and the matches as references to them. It survives crashes
// and moves with its task. Under exactly-once each match is found once.
package cep
