// Package nfa finds patterns in a sequence of events, as a pure machine: a pattern
// is a value, compiled once; a Machine takes the state of one key and an event or a
// time, and gives back the state that follows, with the matches that were found and
// the partial ones that ran out of time. It knows no I/O, no clock and no type of
// event.
//
//	pattern.go   what a pattern is, and what is wrong with one
//	compile.go   the stages that each stage may lead to, as bit masks
//	state.go     what is kept of a key: events, chains, runs
//	machine.go   one state at work: loaded, changed, saved
//	step.go      an event: what each run takes, passes over or dies of
//	expire.go    time: what runs out of it
//	settle.go    matches: in which order, and what they make obsolete
//	order.go     events that wait for earlier ones
//	codec.go     the state as bytes
//
// # Runs
//
// A run is a partial match: the chain of the events that it has taken, and the
// targets that the next one may go to. Targets are a bit mask: bit j stands for the
// first event of stage j, the bit of the run's own stage for another event of it, and
// the bit behind the last stage for the end of a pattern that ends with an absence.
// An event that a target takes makes a new run with a longer chain. An event that it
// may pass over leaves the bit as it is, and any other one clears it. A run without
// targets is over. So there is one run for each chain, however many ways lead on.
//
// Chains share their beginnings: they are a tree of nodes, each with the one before
// it. What no run needs any more is left out when a state is saved, so nothing leaks.
package nfa
