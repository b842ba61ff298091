// Package input makes the records that the benchmarks read. They are the same in
// every run, and one kind serves all workloads: a key and a JSON value of fixed
// width, 200 bytes together, so that a byte loop can test a field in place.
package input
