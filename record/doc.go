// Package record defines the record, its headers and the outbox that a task
// writes to. It is the lowest package: it imports nothing of this module, and
// everything else may import it.
package record
