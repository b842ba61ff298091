// Package memory keeps the state of a worker in memory, in a B-tree. Nothing
// survives the process: after a restart every store is restored from its
// changelog. It is meant for tests, for states that are small or cheap to
// rebuild, and for containers without a disk.
//
// Memory grows with the state: each entry costs its key and value and about 60
// bytes. Package state/pebble bounds it.
package memory
