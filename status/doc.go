// Package status says what a worker is doing: its tasks and where they stand, its
// stores, its commits. It is data only, made at one moment and then never changed;
// health, metrics and the admin address are all computed from it.
package status
